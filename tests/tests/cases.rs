//! Every file below `cases/` is one test.

use std::process::ExitCode;

use exuvia_tests::{Case, cases, here, run};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Handle};

fn main() -> ExitCode {
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let root = here().join("cases");
    let cases = cases(&root).expect("the cases can be read");
    let trials = cases.into_iter().map(|case| {
        let name = case.file.strip_prefix(&root).unwrap_or(&case.file).with_extension("").display().to_string();
        let runtime = runtime.handle().clone();
        Trial::test(name, move || check(&case, &runtime))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn check(case: &Case, runtime: &Handle) -> Result<(), Failed> {
    let report = runtime.block_on(run(case.source(), case.limits()));
    case.check(&report).map_err(|error| Failed::from(format!("{error:#}")))
}
