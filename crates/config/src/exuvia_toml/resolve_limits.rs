//! `[limits]`, `[server_limits]` and `[runs]`, resolved.

use exuvia_tool::Limits as RunLimits;

use super::file_types;
use super::limits::{Limits, ServerLimits, value};
use super::resolve::Resolver;
use crate::config::{ANSWER_BYTES, PREVIEW_TOKENS};
use crate::{Config, QueueLimits, Runs, UpstreamLimits};

impl Resolver<'_> {
    pub(super) fn limits(&mut self, written: &Limits, config: &mut Config) {
        let mut wrong = self.wrong_in("/limits");
        config.limits = written.over(&RunLimits::default(), &mut wrong);
        config.answer_bytes = value(written.answer_bytes.as_ref(), "answer_bytes", &mut wrong).unwrap_or(ANSWER_BYTES);
        config.preview_tokens = written.preview_tokens.unwrap_or(PREVIEW_TOKENS);
    }

    pub(super) fn server_limits(&mut self, written: &ServerLimits, config: &mut Config) {
        let default = UpstreamLimits::default();
        // A result comes as JSON in JSON, escaped.
        let message_bytes = default.message_bytes.max(config.limits.call_result_bytes.saturating_mul(2));
        let default = UpstreamLimits { message_bytes, ..default };
        config.upstream_limits = written.over(&default, self.wrong_in("/server_limits"));
    }

    pub(super) fn runs(&mut self, written: &file_types::Runs) -> Runs {
        let default = Runs::default();
        let concurrent = written.concurrent.unwrap_or(default.concurrent);
        let waiting = written.waiting.unwrap_or(default.queue.runs - default.concurrent as usize);
        let runs_per_client = written.per_client.unwrap_or(default.queue.runs_per_client);
        Runs {
            concurrent,
            memory_bytes: value(written.memory_bytes.as_ref(), "memory_bytes", &mut self.wrong_in("/runs")),
            queue: QueueLimits { runs: concurrent as usize + waiting, runs_per_client },
            on_disconnect: written.on_disconnect.unwrap_or_default(),
            repair_minutes: written.repair_minutes.unwrap_or(default.repair_minutes),
        }
    }

    /// Reports what is wrong with the keys of a table.
    pub(super) fn wrong_in(&mut self, table: &str) -> impl FnMut(&str, String) {
        move |key, message| self.error(&format!("{table}/{key}"), message)
    }
}
