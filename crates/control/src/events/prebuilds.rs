//! What is told about workspaces that are built ahead: pools, claims, memberships, and what whoever looks after templates
//! is told.

use groundhog_host::event::Id;

groundhog_host::events! {
    /// The control plane's events about workspaces that are built ahead.
    pub PREBUILD_EVENTS;

    /// Nobody could be given a workspace that was built ahead: there is none, or none that is ready and fresh.
    log prebuild_none_claimable = "prebuild.none_claimable" {
        /// "TEMPLATE/PRESET".
        preset: &str,
        /// Who asked for one.
        owner: &str,
    }

    /// A workspace that was built ahead was meant for somebody, and something else became of it first.
    log prebuild_candidate_lost = "prebuild.candidate_lost" {
        /// The workspace.
        ws: Id,
        /// For whom.
        owner: &str,
    }

    /// Building ahead was paused.
    log prebuilds_paused = "prebuilds.paused" {
        /// The administrator's name.
        by: &str,
    }

    /// Building ahead goes on.
    log prebuilds_resumed = "prebuilds.resumed" {
        /// The administrator's name.
        by: &str,
    }

    /// What was built ahead for a template so far is to be made anew.
    log prebuilds_invalidated = "prebuilds.invalidated" {
        /// The template's name.
        template: &str,
        /// How many presets that is about.
        presets: u64,
        /// Who wants it so.
        by: &str,
    }

    /// A workspace's claim replaced resources that were built ahead.
    log resources_replaced = "resources.replaced" {
        /// The workspace.
        ws: Id,
        /// "TEMPLATE/PRESET".
        preset: &str,
        /// How many resources.
        count: u64,
    }

    /// Somebody was told something.
    log notification_sent = "notification.sent" {
        /// Who.
        to: &str,
        /// What kind of thing.
        kind: &str,
        /// "TEMPLATE/PRESET".
        about: &str,
    }

    /// A workspace that was built ahead became a person's.
    log workspace_claimed = "workspace.claimed" {
        /// The workspace.
        ws: Id,
        /// The person's name.
        owner: &str,
        /// The build by which it becomes theirs.
        build: Id,
    }

    /// It was decided what is to be done about a preset's pool.
    log prebuild_decided = "prebuild.decided" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// So many run, expired ones too.
        actual: u64,
        /// So many are wanted.
        desired: u64,
        /// So many are being started.
        starting: u64,
        /// So many of those that run are expired.
        expired: u64,
        /// So many run that are neither expired nor wanted.
        extraneous: u64,
        /// So many first builds wait that are not wanted any more.
        pending: u64,
        /// Such as "delete 2 (expired), create 1".
        actions: &str,
    }

    /// A workspace is being built ahead.
    log prebuild_created = "prebuild.created" {
        /// The workspace.
        ws: Id,
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
    }

    /// A workspace that was to be built ahead is not built.
    log prebuild_create_skipped = "prebuild.create_skipped" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// Why not.
        why: &str,
    }

    /// A workspace could not be built ahead.
    log prebuild_create_failed = "prebuild.create_failed" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// What went wrong.
        error: &str,
    }

    /// A workspace that was built ahead is being deleted.
    log prebuild_deleting = "prebuild.deleting" {
        /// The workspace.
        ws: Id,
        /// TEMPLATE/PRESET.
        preset: &str,
        /// expired, extraneous, inactive or lingering.
        why: &str,
    }

    /// A workspace that was built ahead could not be deleted.
    log prebuild_delete_failed = "prebuild.delete_failed" {
        /// The workspace.
        ws: Id,
        /// What went wrong.
        error: &str,
    }

    /// A build ahead that waited was withdrawn, and its workspace is being deleted.
    log prebuild_withdrawn = "prebuild.withdrawn" {
        /// The workspace.
        ws: Id,
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The job that waited.
        job: Id,
    }

    /// A build ahead that waits could not be withdrawn.
    log prebuild_withdraw_failed = "prebuild.withdraw_failed" {
        /// The workspace.
        ws: Id,
        /// What went wrong.
        error: &str,
    }

    /// Builds of a preset failed of late, and the next ones are put off.
    log prebuild_backing_off = "prebuild.backing_off" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// How many failed.
        failed: u64,
        /// For how long they are put off, in seconds.
        for_s: u64,
    }

    /// So many builds of a preset failed in a row that no more are tried.
    log prebuild_hard_limited = "prebuild.hard_limited" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
    }

    /// A version does not take a preset's parameters: nothing is built ahead for it.
    log prebuild_validation_failed = "prebuild.validation_failed" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// What is wrong with them.
        error: &str,
    }

    /// How a pool stands for which workspaces are built ahead.
    quiet prebuild_pool = "prebuild.pool" {
        /// TEMPLATE/PRESET.
        preset: &str,
        /// The version's name.
        version: &str,
        /// So many run, expired ones too.
        actual: u64,
        /// So many are wanted.
        desired: u64,
        /// So many can be given to people.
        eligible: u64,
        /// So many are being started.
        starting: u64,
        /// Why no more are built: hard_limited, validation_failed, backoff, paused, membership; or empty.
        limited: &str,
    }

    /// A replica looked at all pools.
    quiet prebuilds_cycle = "prebuilds.cycle" {
        /// The lease's number; 0 without the lease.
        number: i64,
        /// Presets for which workspaces are built ahead, or once were.
        presets: u64,
        /// Those that were looked at closer.
        reconciled: u64,
        /// The most of the store's connections that it held at once.
        held_max: u32,
        /// How many connections the store has.
        connections: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// done, paused, busy, lease_lost, stopped or failed.
        outcome: &str,
    }

    /// A replica took so long over the pools that another one took over.
    log prebuilds_lease_lost = "prebuilds.lease_lost" {
        /// The number that it had.
        number: i64,
    }

    /// The account that builds ahead became part of an organisation.
    log membership_added = "membership.added" {
        /// The organisation's name.
        organization: &str,
        /// member, group or group member.
        what: &str,
    }

    /// The account that builds ahead could not become part of an organisation: nothing is built ahead there.
    log membership_failed = "membership.failed" {
        /// The organisation's name.
        organization: &str,
        /// Why not.
        error: &str,
    }
}
