//! Limits, and how many scripts may be on their way: what is written, in place of the defaults.

use std::time::Duration;

use exuvia_config::UpstreamLimits;
use exuvia_gateway::{OnDisconnect, QueueLimits};
use exuvia_runtime::Limits;

use super::bytes::Bytes;
use super::resolve::Resolver;
use super::{ANSWER_BYTES, Config, Runs, written};

impl Resolver<'_> {
    pub(super) fn limits(&mut self, written: &written::Limits, config: &mut Config) {
        let default = Limits::default();
        let at = |key: &str| format!("/limits/{key}");
        config.limits = Limits {
            fuel: written.fuel.unwrap_or(default.fuel),
            wall_ms: written.wall_ms.unwrap_or(default.wall_ms),
            memory_bytes: self.bytes(&written.memory_bytes, &at("memory_bytes")).unwrap_or(default.memory_bytes),
            tool_calls: written.tool_calls.unwrap_or(default.tool_calls),
            concurrent_calls: written.concurrent_calls.unwrap_or(default.concurrent_calls),
            call_timeout_ms: written.call_timeout_ms.unwrap_or(default.call_timeout_ms),
            call_arguments_bytes: self
                .size(&written.call_arguments_bytes, &at("call_arguments_bytes"))
                .unwrap_or(default.call_arguments_bytes),
            call_result_bytes: self
                .size(&written.call_result_bytes, &at("call_result_bytes"))
                .unwrap_or(default.call_result_bytes),
            buffered_bytes: self.size(&written.buffered_bytes, &at("buffered_bytes")).unwrap_or(default.buffered_bytes),
            log_bytes: self.size(&written.log_bytes, &at("log_bytes")).unwrap_or(default.log_bytes),
            result_bytes: self.size(&written.result_bytes, &at("result_bytes")).unwrap_or(default.result_bytes),
            source_bytes: self.size(&written.source_bytes, &at("source_bytes")).unwrap_or(default.source_bytes),
        };
        config.answer_bytes = self.size(&written.answer_bytes, &at("answer_bytes")).unwrap_or(ANSWER_BYTES);
    }

    pub(super) fn runs(&mut self, written: &written::Runs) -> Runs {
        let default = Runs::default();
        let concurrent = written.concurrent.unwrap_or(default.concurrent);
        let waiting = written.waiting.unwrap_or(default.queue.runs - default.concurrent as usize);
        let runs_per_client = written.per_client.unwrap_or(default.queue.runs_per_client);
        let on_disconnect = match written.on_disconnect {
            None | Some(written::OnDisconnect::Cancel) => OnDisconnect::Cancel,
            Some(written::OnDisconnect::Finish) => OnDisconnect::Finish,
        };
        Runs {
            concurrent,
            memory_bytes: self.bytes(&written.memory_bytes, "/runs/memory_bytes"),
            queue: QueueLimits { runs: concurrent as usize + waiting, runs_per_client },
            on_disconnect,
        }
    }

    pub(super) fn server_limits(&mut self, written: &written::ServerLimits, config: &mut Config) {
        let default = UpstreamLimits::default();
        let at = |key: &str| format!("/server_limits/{key}");
        // A result comes as JSON in JSON, escaped.
        let message_bytes = default.message_bytes.max(config.limits.call_result_bytes.saturating_mul(2));
        config.upstream_limits = UpstreamLimits {
            message_bytes: self.size(&written.message_bytes, &at("message_bytes")).unwrap_or(message_bytes),
            calls_in_flight: written.calls_in_flight.unwrap_or(default.calls_in_flight),
            connections: written.connections.unwrap_or(default.connections),
            key_idle: written.key_idle_ms.map_or(default.key_idle, Duration::from_millis),
            tools: written.tools.unwrap_or(default.tools),
            list_pages: written.list_pages.unwrap_or(default.list_pages),
            list_bytes: self.size(&written.list_bytes, &at("list_bytes")).unwrap_or(default.list_bytes),
        };
    }

    fn bytes<const MIN: u64, const MAX: u64>(
        &mut self,
        written: &Option<Bytes<MIN, MAX>>,
        pointer: &str,
    ) -> Option<u64> {
        let number = written.as_ref()?.number();
        number.map_err(|message| self.error(pointer, message)).ok()
    }

    fn size<const MIN: u64, const MAX: u64>(
        &mut self,
        written: &Option<Bytes<MIN, MAX>>,
        pointer: &str,
    ) -> Option<usize> {
        self.bytes(written, pointer).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}
