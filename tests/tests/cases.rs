//! Every file below `cases/` is one test, and every case of `contract/` one in each host that is written in Rust.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use exuvia_runtime::Script;
use exuvia_sandbox::{Call, Json, Sandbox, Tool, ToolError};
use exuvia_tests::contract::{
    ContractCase, ContractTools, Ending, OwnEngine, contract_cases, contract_tools, host_files, run_by_program,
};
use exuvia_tests::{Case, cases, engine, here, run};
use exuvia_tool::{ToolCall, ToolHost as _};
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
    let trials: Vec<_> = trials.chain(contract_trials(runtime.handle())).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(case: &Case, runtime: &Handle) -> Result<(), Failed> {
    let report = runtime.block_on(run(case.source(), case.limits()));
    case.check(&report).map_err(|error| Failed::from(format!("{error:#}")))
}

type Run = fn(&ContractCase, &Handle) -> anyhow::Result<Ending>;

/// The hosts that are run here, by the names of their files.
const HOSTS: [(&str, Run); 4] =
    [("rust-runtime", in_runtime), ("rust-sandbox", in_sandbox), ("rust-host", in_own_engine), ("program", by_program)];

fn contract_trials(runtime: &Handle) -> Vec<Trial> {
    let cases = contract_cases().expect("the cases can be read");
    let hosts = host_files(&cases).expect("the hosts can be read");
    let mut trials = Vec::new();
    for (name, run) in HOSTS {
        for case in cases.iter().filter(|case| hosts[name].runs(case)).cloned() {
            let runtime = runtime.clone();
            trials.push(Trial::test(format!("contract/{name}/{}", case.name), move || {
                let ending = run(&case, &runtime);
                ending.and_then(|ending| case.check(&ending)).map_err(|error| Failed::from(format!("{error:#}")))
            }));
        }
    }
    trials
}

fn in_runtime(case: &ContractCase, runtime: &Handle) -> anyhow::Result<Ending> {
    let run = engine().run(Script::new(case.source()), case.limits()?, ContractTools::new(case)?);
    Ok(runtime.block_on(run.execute()).into())
}

/// Each tool as a closure over JSON; the answers are those of [`ContractTools`].
fn in_sandbox(case: &ContractCase, runtime: &Handle) -> anyhow::Result<Ending> {
    let answers = ContractTools::new(case)?;
    let mut builder = Sandbox::builder().engine(engine().clone()).limits(case.limits()?);
    for (server, tools) in contract_tools()? {
        for tool in tools {
            let answers = Arc::clone(&answers);
            let name = format!("{server}.{}", tool.name);
            builder = builder.with(Tool::json(name, tool.input_schema, move |call: Call, arguments| {
                let Call { id, name, line, deadline, .. } = call;
                let answer = answers.call(ToolCall { id, name, arguments, line }, deadline);
                async move { answer.await.map_err(ToolError::of) as Result<Json, ToolError> }
            }));
        }
    }
    let sandbox = builder.build()?;
    Ok(runtime.block_on(sandbox.run(case.source()).into_future()).into())
}

fn in_own_engine(case: &ContractCase, runtime: &Handle) -> anyhow::Result<Ending> {
    static ENGINE: OnceLock<OwnEngine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| OwnEngine::new().expect("the guest fits"));
    runtime.block_on(engine.run(case))
}

fn by_program(case: &ContractCase, _: &Handle) -> anyhow::Result<Ending> {
    run_by_program(case)
}
