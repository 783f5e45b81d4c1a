//! A story with a toolbox.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use groundhog_chattool::{AgentDialer, Answer, ChatObserver, Session, Toolbox, ToolboxConfig};
use groundhog_host::{Address, Host};
use groundhog_sim::{Config, Fault, World, simulate};
use groundhog_wire::{Secret, id::AgentId, v1};
use serde_json::Value;

use super::{
    control::{self, Control},
    state::{chat_id, template_id},
};

/// How an agent takes it to be dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It answers.
    #[default]
    Answers,
    /// There is no way to it.
    Fails,
    /// Nothing comes of it.
    Hangs,
}

/// The agent is there at the third try.
pub(crate) const FAILS_TWICE: [Manner; 3] = [Manner::Fails, Manner::Fails, Manner::Answers];

/// What became of the calls, and of whom they asked.
#[derive(Default)]
pub(crate) struct Seen {
    /// The answer of each call, and after how long it came.
    answers: BTreeMap<usize, (Answer, Duration)>,
    /// The agents that were dialled.
    pub(crate) dialled: Vec<AgentId>,
    /// How the next dials go; those beyond go as the last one did.
    pub(crate) manners: VecDeque<Manner>,
    /// What was told of chats: the build and the agent, and how many dials there were by then.
    pub(crate) updates: Vec<(v1::Chat, usize)>,
}

#[derive(Clone)]
struct Seer(Arc<Mutex<Seen>>);

#[tonic::async_trait]
impl AgentDialer for Seer {
    async fn dial(&self, token: &Secret, agent: AgentId) -> Result<(), String> {
        assert_eq!(token.expose(), control::TOKEN);
        let manner = {
            let mut seen = lock(&self.0);
            seen.dialled.push(agent);
            match seen.manners.len() {
                0 => Manner::Answers,
                1 => seen.manners[0],
                _ => seen.manners.pop_front().unwrap_or_default(),
            }
        };
        match manner {
            Manner::Answers => Ok(()),
            Manner::Fails => Err("there is no way to it".to_owned()),
            Manner::Hangs => std::future::pending().await,
        }
    }
}

impl ChatObserver for Seer {
    fn chat_updated(&self, chat: &v1::Chat) {
        let mut seen = lock(&self.0);
        let dials = seen.dialled.len();
        seen.updates.push((chat.clone(), dials));
    }
}

/// A world with a control plane on the host `control` and a toolbox on `runtime`.
pub(crate) struct Play<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) control: Control,
    seen: Arc<Mutex<Seen>>,
    toolboxes: BTreeMap<&'static str, Toolbox>,
    calls: usize,
}

/// Plays a story.
pub(crate) fn play<T: Send>(story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    play_seeded(7, story)
}

/// The same, with another order of what happens at once.
pub(crate) fn play_seeded<T: Send>(seed: u64, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    simulate(Config::new(seed), |world| {
        let control = Control::default();
        let serving = control.clone();
        world.host("control", move |host| serving.clone().run(host));
        world.host("runtime", |_| std::future::pending());
        world.host("runtime-2", |_| std::future::pending());
        let mut play = Play { world, control, seen: Arc::default(), toolboxes: BTreeMap::new(), calls: 0 };
        play.run(1);
        let now_ms = play.world.handle("control").expect("the host is there").wall().as_millisecond();
        play.control.state().advance(now_ms);
        let result = story(&mut play);
        assert_eq!(play.world.violations(), []);
        let violations = play.control.state().violations.clone();
        assert_eq!(violations, [] as [String; 0]);
        result
    })
}

impl Play<'_> {
    /// Lets so many seconds pass.
    pub(crate) fn run(&mut self, seconds: u64) {
        self.run_ms(seconds * 1_000);
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    /// Lets a fault act for so long.
    pub(crate) fn fault(&mut self, fault: &Fault, seconds: u64) {
        self.world.begin(fault).expect("the hosts are there");
        self.run(seconds);
        self.world.end(fault).expect("the hosts are there");
    }

    pub(crate) fn host(&self, host: &str) -> Host {
        self.world.handle(host).expect("the host is there")
    }

    /// What toolboxes are given here.
    pub(crate) fn config(&self) -> ToolboxConfig {
        let seer = Arc::new(Seer(self.seen.clone()));
        ToolboxConfig {
            control: Some(Address::new("control", control::PORT).into()),
            dialer: Some(seer.clone()),
            observer: Some(seer),
            ..ToolboxConfig::default()
        }
    }

    /// Puts a toolbox on a host that has none yet, or another one.
    pub(crate) fn equip(&mut self, host: &'static str, config: ToolboxConfig) {
        let toolbox = Toolbox::new(&self.host(host), config);
        self.toolboxes.insert(host, toolbox);
    }

    /// Begins a call; its number is by what its answer is asked for.
    pub(crate) fn begin(&mut self, host: &'static str, chat: u128, tool: &'static str, arguments: &str) -> usize {
        if !self.toolboxes.contains_key(host) {
            self.equip(host, self.config());
        }
        let number = self.calls;
        self.calls += 1;
        let session = Session {
            chat: chat_id(chat).parse().expect("an id"),
            token: Secret::new(control::TOKEN).expect("a token"),
        };
        let (toolbox, seen, arguments) = (self.toolboxes[host].clone(), self.seen.clone(), arguments.to_owned());
        let host = self.host(host);
        let calling = host.clone();
        let call = async move {
            let began = calling.now();
            let answer = toolbox.call(&session, tool, &arguments).await;
            lock(&seen).answers.insert(number, (answer, calling.now() - began));
        };
        host.spawn("call", call).detach();
        number
    }

    /// Calls a tool by a line of JSON, and lets time pass until it is answered.
    pub(crate) fn call_json(&mut self, line: &str) -> String {
        let (toolbox, line) = (Toolbox::new(&self.host("runtime"), self.config()), line.to_owned());
        let answer: Arc<Mutex<Option<String>>> = Arc::default();
        let answered = answer.clone();
        let call = async move {
            let token = Secret::new(control::TOKEN).expect("a token");
            let text = toolbox.call_json(&token, &line).await;
            *answered.lock().expect("nobody panics while holding it") = Some(text);
        };
        self.host("runtime").spawn("call", call).detach();
        self.run(60);
        let answer = answer.lock().expect("nobody panics while holding it").take();
        answer.expect("it is answered within a minute")
    }

    /// The answer of a call, if it has come, and after how long it came.
    pub(crate) fn answer(&self, call: usize) -> Option<(Answer, Duration)> {
        self.seen().answers.get(&call).cloned()
    }

    /// Begins a call for the first chat, and lets time pass until it is answered.
    pub(crate) fn call(&mut self, tool: &'static str, arguments: &str) -> Answer {
        let call = self.begin("runtime", 1, tool, arguments);
        self.end_of(call)
    }

    /// Lets time pass until a call is answered.
    pub(crate) fn end_of(&mut self, call: usize) -> Answer {
        for _ in 0..20_000 {
            if let Some((answer, _)) = self.answer(call) {
                return answer;
            }
            self.run_ms(100);
        }
        panic!("the call is not answered: {:#?}", self.story());
    }

    /// Calls `create_workspace` of the first template for the first chat, with other arguments beside the template.
    pub(crate) fn create(&mut self, arguments: &str) -> Answer {
        let arguments = create_arguments(arguments);
        self.call("create_workspace", &arguments)
    }

    /// The same, if it answers with fields.
    pub(crate) fn created(&mut self, arguments: &str) -> Value {
        fields(self.create(arguments))
    }

    /// What became of the calls, and of whom they asked.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// How the next dials go.
    pub(crate) fn dials(&mut self, manners: &[Manner]) {
        self.seen().manners = manners.iter().copied().collect();
    }

    /// The tools' events, in order, without their prefix.
    pub(crate) fn story(&self) -> Vec<String> {
        let records = self.world.records();
        records.iter().filter_map(|record| record.event.strip_prefix("tool.")).map(str::to_owned).collect()
    }

    /// A field of each event of this name.
    pub(crate) fn fields(&self, name: &str, field: &str) -> Vec<String> {
        let records = self.world.records();
        let named = records.iter().filter(|record| record.event == name);
        named.map(|record| record.field(field).expect("the event has the field").to_owned()).collect()
    }
}

/// The arguments of `create_workspace` with the first template; `more` are further ones, in JSON, or nothing.
pub(crate) fn create_arguments(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!(r#"{{"template_id": "{}"{comma}{more}}}"#, template_id(1))
}

/// An answer's fields.
pub(crate) fn fields(answer: Answer) -> Value {
    match answer {
        Answer::Fields(fields) => Value::Object(fields),
        Answer::Error(error) => panic!("an error: {error}"),
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nobody panics while holding it")
}
