//! What anybody could read in the logs of the client's side, at the lowest level.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use tracing_subscriber::EnvFilter;

/// Not the servers of the tests, which run in the same process.
const CLIENT: &str = "exuvia_upstream=trace,exuvia_mcp_client=trace,exuvia_oauth=trace,rmcp::transport::auth=trace,\
                      rmcp::transport::streamable_http_client=trace,reqwest=trace,hyper_util::client=trace";

static LOG: OnceLock<Log> = OnceLock::new();

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes down everything from now on.
pub(crate) fn record() {
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let filter = EnvFilter::new(CLIENT);
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(move || writer.clone()).init();
        log
    });
}

/// What has been written down.
pub(crate) fn recorded() -> String {
    LOG.get().map(|log| String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned()).unwrap_or_default()
}
