//! How the apps of a workspace are, as a pure value.

use std::{collections::BTreeMap, time::Duration};

use groundhog_wire::v1::{AgentApp, AppHealth, AppHealthUpdate};

/// An app that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Which app.
    pub(crate) slug: String,
    /// What is asked.
    pub(crate) url: String,
    /// How often; above zero.
    pub(crate) interval: Duration,
    /// So many failures in a row are still well; above zero.
    pub(crate) threshold: u32,
}

impl Check {
    /// Those of the apps that are to be checked: with something to ask, an interval and a threshold.
    pub(crate) fn of(apps: &[AgentApp]) -> Vec<Self> {
        let check = |app: &AgentApp| {
            let check = app.health_check.as_ref()?;
            let complete = !check.url.is_empty() && check.interval_s > 0 && check.threshold > 0;
            complete.then(|| Self {
                slug: app.slug.clone(),
                url: check.url.clone(),
                interval: Duration::from_secs(check.interval_s.into()),
                threshold: check.threshold,
            })
        };
        apps.iter().filter_map(check).collect()
    }

    /// How long an answer may take: less than the interval, so that checks do not pile up.
    pub(crate) fn timeout(&self) -> Duration {
        self.interval - Duration::from_millis(1)
    }
}

/// What is known of the apps that are checked, and what of it the control plane knows.
#[derive(Debug, Default)]
pub(crate) struct Health {
    apps: BTreeMap<String, App>,
    told: Option<Vec<(String, AppHealth)>>,
}

#[derive(Debug)]
struct App {
    threshold: u32,
    failures: u32,
    health: AppHealth,
}

impl Health {
    /// Nothing is known yet, but that these are initializing. The control plane knows that by itself.
    pub(crate) fn new(checks: &[Check]) -> Self {
        let app = |check: &Check| {
            let app = App { threshold: check.threshold, failures: 0, health: AppHealth::Initializing };
            (check.slug.clone(), app)
        };
        let mut health = Self { apps: checks.iter().map(app).collect(), told: None };
        health.told = Some(health.all());
        health
    }

    /// A check has ended: well, or not.
    pub(crate) fn checked(&mut self, slug: &str, well: bool) {
        let Some(app) = self.apps.get_mut(slug) else { return };
        if well {
            app.failures = 0;
            app.health = AppHealth::Healthy;
        } else {
            app.failures = app.failures.saturating_add(1);
            if app.failures > app.threshold {
                app.health = AppHealth::Unhealthy;
            }
        }
    }

    /// What the control plane is to be told: all of it, if any of it is news.
    pub(crate) fn news(&self) -> Option<Vec<(String, AppHealth)>> {
        let all = self.all();
        (self.told.as_ref() != Some(&all)).then_some(all)
    }

    /// The control plane knows this.
    pub(crate) fn told(&mut self, news: Vec<(String, AppHealth)>) {
        self.told = Some(news);
    }

    fn all(&self) -> Vec<(String, AppHealth)> {
        self.apps.iter().map(|(slug, app)| (slug.clone(), app.health)).collect()
    }
}

/// News as a message has them.
pub(crate) fn updates(news: &[(String, AppHealth)]) -> Vec<AppHealthUpdate> {
    news.iter().map(|(slug, health)| AppHealthUpdate { app: slug.clone(), health: (*health).into() }).collect()
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::AppHealthCheck;

    use super::*;

    fn app(slug: &str, url: &str, interval_s: u32, threshold: u32) -> AgentApp {
        let health_check = Some(AppHealthCheck { url: url.to_owned(), interval_s, threshold });
        AgentApp { slug: slug.to_owned(), health_check, ..AgentApp::default() }
    }

    fn news(health: &mut Health) -> Option<Vec<AppHealth>> {
        let news = health.news()?;
        health.told(news.clone());
        Some(news.into_iter().map(|(_, health)| health).collect())
    }

    #[test]
    fn only_a_complete_check_is_one() {
        let apps = [
            app("web", "http://localhost:80/", 5, 2),
            app("no-url", "", 5, 2),
            app("no-interval", "http://localhost:80/", 0, 2),
            app("no-threshold", "http://localhost:80/", 5, 0),
            AgentApp { slug: "unchecked".to_owned(), ..AgentApp::default() },
        ];
        let checks = Check::of(&apps);
        assert_eq!(checks.iter().map(|check| check.slug.as_str()).collect::<Vec<_>>(), ["web"]);
        assert_eq!(checks[0].timeout(), Duration::from_millis(4_999));
    }

    #[test]
    fn an_app_is_unhealthy_above_its_threshold_and_heals_at_once() {
        let mut health = Health::new(&Check::of(&[app("web", "http://localhost:80/", 5, 2)]));
        assert_eq!(news(&mut health), None);
        for _ in 0..2 {
            health.checked("web", false);
            assert_eq!(news(&mut health), None);
        }
        health.checked("web", false);
        assert_eq!(news(&mut health), Some(vec![AppHealth::Unhealthy]));
        health.checked("web", true);
        assert_eq!(news(&mut health), Some(vec![AppHealth::Healthy]));
        // A success begins the count anew.
        health.checked("web", false);
        health.checked("web", false);
        health.checked("web", true);
        health.checked("web", false);
        assert_eq!(news(&mut health), None);
    }

    #[test]
    fn what_was_not_told_stays_news() {
        let checks = Check::of(&[app("a", "http://localhost:1/", 5, 1), app("b", "http://localhost:2/", 5, 1)]);
        let mut health = Health::new(&checks);
        health.checked("b", true);
        // Nobody hears it.
        assert!(health.news().is_some());
        // All of it is told, not only what has changed.
        assert_eq!(news(&mut health), Some(vec![AppHealth::Initializing, AppHealth::Healthy]));
        assert_eq!(health.news(), None);
        health.checked("unknown", true);
        assert_eq!(health.news(), None);
    }
}
