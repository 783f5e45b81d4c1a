//! Whether an owner's budget bears a plan, as a pure decision.
//!
//! Quota is by group in the sense of such platforms: a group's budget is an allowance that each of its members has for
//! themselves. What a person may use is the sum of the allowances of their groups, and what counts against it is
//! what their own workspaces cost; what other members of a group use takes nothing from it.

/// What is known when a plan's cost is committed; all in credits a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the owner may use; none without a limit.
    pub budget: Option<i64>,
    /// What the owner's other workspaces cost.
    pub used_elsewhere: i64,
    /// What this workspace cost before.
    pub cost_before: i64,
    /// What it would cost.
    pub cost: i64,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the plan may go on.
    pub ok: bool,
    /// Credits in use: with the plan if it may go on, else as things stand.
    pub consumed: i64,
    /// Credits there are; -1 without a limit.
    pub budget: i64,
}

/// Decides on a plan.
///
/// Over budget, a plan may still go on if it does not cost more than the workspace did before: otherwise an owner
/// whose budget was cut could not even make a workspace smaller.
pub fn decide(plan: Plan) -> Verdict {
    let Plan { budget, used_elsewhere, cost_before, cost } = plan;
    let with_plan = used_elsewhere.saturating_add(cost);
    let ok = budget.is_none_or(|budget| with_plan <= budget) || cost <= cost_before;
    let consumed = if ok { with_plan } else { used_elsewhere.saturating_add(cost_before) };
    Verdict { ok, consumed, budget: budget.unwrap_or(-1) }
}
