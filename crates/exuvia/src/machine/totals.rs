//! The totals of all limits: for one script, for all that execute, and the bound on all of them together.

use exuvia_config::Config;
use exuvia_runtime::EngineConfig;

use super::{Memory, Of, engine};

/// Two lines: the product of the limits, and the bound on memory.
pub(crate) fn totals(config: &Config, memory: Option<Memory>) -> String {
    let engine = engine(config, memory);
    let limits = &config.limits;
    let runs = u64::from(engine.concurrent_runs);
    let (own, stack) = (limits.memory_bytes.min(engine.run_memory_bytes()), engine.run_stack_bytes());
    let at_limits = runs.saturating_mul(own.saturating_add(stack));
    // The script is kept as long as its run: the guest is handed it, and an approval shows it.
    let held = [limits.source_bytes, limits.buffered_bytes, limits.result_bytes, limits.log_bytes];
    let held = held.into_iter().map(|bytes| bytes as u64).fold(0, u64::saturating_add);
    let first = format!(
        "runs: {runs} at a time; memory {} and stack {} each, {} together; up to {} of script, calls, result and log buffered for each, {} \
         together; {} of address space\n",
        about(own),
        about(stack),
        about(at_limits),
        about(held),
        about(runs.saturating_mul(held)),
        about(engine.address_space_bytes()),
    );
    let bound = engine.runs_memory_bytes;
    let consequence = if at_limits <= bound {
        "room for all at their limits".to_owned()
    } else {
        format!("room for {} at their limits, others wait", engine.runs_at_limit(limits.memory_bytes))
    };
    let whose = match (config.runs.memory_bytes, memory) {
        (Some(_), Some(memory)) if bound > memory.bytes => format!("more than {} has: ", owner(memory)),
        (Some(_), _) => String::new(),
        (None, Some(memory)) => format!("as {} allows: ", owner(memory)),
        (None, None) => "by default: ".to_owned(),
    };
    let notice = smaller_limit(config, &engine).map_or_else(String::new, |notice| format!("{notice}\n"));
    format!("{first}memory of all runs: {}, {whose}{consequence}\n{notice}", about(bound))
}

/// The notice that scripts have less memory than configured, if so.
pub(crate) fn smaller_limit(config: &Config, engine: &EngineConfig) -> Option<String> {
    let (own, most) = (config.limits.memory_bytes, engine.run_memory_bytes());
    (own > most).then(|| {
        format!(
            "limits.memory_bytes is {}, but a script gets at most {}: runs.memory_bytes is {}, of which {} are for its stack; \
             raise runs.memory_bytes",
            about(own),
            about(most),
            about(engine.runs_memory_bytes),
            about(engine.run_stack_bytes()),
        )
    })
}

fn owner(memory: Memory) -> String {
    match memory.of {
        Of::Cgroup => format!("the control group of {}", about(memory.bytes)),
        Of::Machine => format!("this machine of {}", about(memory.bytes)),
    }
}

/// In a unit that people read.
fn about(bytes: u64) -> String {
    if bytes < 10 << 30 {
        format!("{} MiB", bytes >> 20)
    } else {
        format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn config(memory_bytes: u64, runs_memory_bytes: Option<u64>) -> Config {
        let mut config = Config::default();
        config.limits.memory_bytes = memory_bytes;
        config.runs.memory_bytes = runs_memory_bytes;
        config
    }

    fn last(text: &str) -> &str {
        text.lines().find(|line| line.starts_with("memory of all runs")).unwrap()
    }

    #[test]
    fn the_product_of_the_limits_stands_beside_the_bound() {
        let machine = Some(Memory { bytes: 64 * GIB, of: Of::Machine });
        let text = totals(&config(256 << 20, None), machine);
        assert!(
            text.starts_with("runs: 16 at a time; memory 256 MiB and stack 33 MiB each, 4624 MiB together;"),
            "{text}"
        );
        assert!(
            text.contains("145 MiB of script, calls, result and log buffered for each, 2324 MiB together; "),
            "{text}"
        );
        let line = "memory of all runs: 31.9 GiB, as this machine of 64.0 GiB allows: room for all at their limits";
        assert_eq!(last(&text), line);
        let text = totals(&config(4 * GIB, None), machine);
        let line =
            "memory of all runs: 31.9 GiB, as this machine of 64.0 GiB allows: room for 7 at their limits, others wait";
        assert_eq!(last(&text), line);
    }

    #[test]
    fn in_a_small_container_the_memory_limit_is_lowered_with_a_notice() {
        let container = Some(Memory { bytes: 300 << 20, of: Of::Cgroup });
        let text = totals(&config(256 << 20, None), container);
        let line = "memory of all runs: 137 MiB, as the control group of 300 MiB allows: room for 1 at their limits, others wait";
        assert_eq!(last(&text), line);
        assert!(text.contains("runs: 16 at a time; memory 104 MiB and stack 33 MiB each"), "{text}");
        let notice = "limits.memory_bytes is 256 MiB, but a script gets at most 104 MiB: runs.memory_bytes is 137 MiB, of which \
            33 MiB are for its stack; raise runs.memory_bytes";
        assert_eq!(text.lines().last(), Some(notice));
        assert!(!totals(&config(64 << 20, None), container).contains("limits.memory_bytes"));
    }

    #[test]
    fn a_configured_limit_applies_and_is_compared_with_the_machine() {
        let container = Some(Memory { bytes: GIB, of: Of::Cgroup });
        let text = totals(&config(256 << 20, Some(2 * GIB)), container);
        let line = "memory of all runs: 2048 MiB, more than the control group of 1024 MiB has: room for 7 at their limits, others \
            wait";
        assert_eq!(last(&text), line);
        let text = totals(&config(256 << 20, Some(GIB / 2)), None);
        assert_eq!(last(&text), "memory of all runs: 512 MiB, room for 1 at their limits, others wait");
    }
}
