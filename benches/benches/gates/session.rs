//! Bundled samples as servers, and scripts that must return a value.

use std::env;

use anyhow::{Result, ensure};
use exuvia_config::ServerConfig;
use exuvia_runtime::Report;
use exuvia_tests::{SampleGateway, built};

/// Runs a script that must return this JSON.
pub(crate) async fn returns(gateway: &SampleGateway, source: &str, expected: &str) -> Result<Report> {
    let report = gateway.run(source).await;
    let result = exuvia_benches::returned(&report)?;
    ensure!(result == expected, "{result} instead of {expected}: {source}");
    Ok(report)
}

/// A bundled sample as a server.
pub(crate) fn server(name: &str, arguments: &str) -> ServerConfig {
    let program = built("exuvia").display().to_string();
    let arguments = arguments.split(' ').map(str::to_owned);
    ServerConfig::stdio(name, program, arguments, &|variable| env::var(variable).ok())
}
