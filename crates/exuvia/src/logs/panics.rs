//! Panics, as entries of the log: where, and not what about. Their messages may hold what the code was looking at.

use std::panic::{PanicHookInfo, set_hook};

/// Tells of panics in the log from now on, instead of on standard error past it.
pub(super) fn log_panic() {
    set_hook(Box::new(|panic| {
        let (file, line) = place(panic);
        // One that is written out in the code holds nothing of others.
        let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or_default();
        tracing::error!(file, line, thread, message, "internal error: panic");
    }));
}

/// The file without the folders of the machine that built it.
fn place<'a>(panic: &'a PanicHookInfo<'_>) -> (&'a str, u32) {
    let Some(location) = panic.location() else { return ("", 0) };
    let file = location.file();
    let begin = file.find("/registry/src/").or_else(|| file.find("/rustc/"));
    (begin.map_or(file, |begin| file[begin..].trim_start_matches('/')), location.line())
}
