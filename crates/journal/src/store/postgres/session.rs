//! A connection to the server, and how long anything may take.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Row, Statement};

use super::Parameters;
use super::address::Address;
use super::tls::Tls;
use crate::{JournalError, JournalErrorKind};

/// How long one step of the writer may take: a commit with all that belongs to it. A server that does not answer for so long is given up.
pub(crate) const STEP: Duration = Duration::from_secs(10);
/// How long one query of a reader may take.
pub(super) const READ: Duration = Duration::from_secs(120);
/// How long a transaction of a process that is gone may hold the lock.
const IDLE: Duration = Duration::from_secs(10);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Purpose {
    /// Changing the journal.
    Write,
    /// Reading it, and nothing else.
    Read,
}

/// A connection. It ends when it is dropped, and the server undoes a transaction that is open.
pub(crate) struct Session {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
    statements: Mutex<HashMap<&'static str, Statement>>,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses.
    pub(crate) async fn connect(address: &Address, purpose: Purpose) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = address.config.connect(Tls).await?;
        let driver = tokio::spawn(async move { drop(connection.await) });
        let session = Self { client, driver, statements: Mutex::default() };
        session.client.batch_execute(&settings(&address.schema, purpose)).await?;
        Ok(session)
    }

    /// The same, for a connection that tasks of any runtime use: some of them have no sockets, and end before it. It is driven by a thread that all
    /// such connections of the process share.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses, or the system gives no thread.
    pub(crate) async fn connect_apart(
        address: &Address,
        purpose: Purpose,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let address = address.clone();
        let connecting = apart()?.spawn(async move { Self::connect(&address, purpose).await });
        Ok(connecting.await??)
    }

    /// Whether the connection still stands, as far as is known.
    pub(crate) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// A statement, which the server prepares once.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub(crate) async fn prepare(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
        Ok(statement)
    }

    /// The rows of a query.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub(crate) async fn query(
        &self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client.query(&self.prepare(sql).await?, parameters).await
    }

    /// The one row of a query, if there is one.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub(crate) async fn query_opt(
        &self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, tokio_postgres::Error> {
        self.client.query_opt(&self.prepare(sql).await?, parameters).await
    }

    /// Executes a statement. Returns the number of rows that it changed.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or refuses it.
    pub(crate) async fn execute(
        &self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        self.client.execute(&self.prepare(sql).await?, parameters).await
    }
}

/// The runtime of connections that tasks of any other one use. It lasts as long as the process.
fn apart() -> std::io::Result<Handle> {
    static APART: Mutex<Option<Runtime>> = Mutex::new(None);
    let mut apart = APART.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = match apart.take() {
        Some(runtime) => runtime,
        None => Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build()?,
    };
    Ok(apart.insert(runtime).handle().clone())
}

impl Drop for Session {
    fn drop(&mut self) {
        // Closes the socket now, whatever the server does.
        self.driver.abort();
    }
}

fn settings(schema: &str, purpose: Purpose) -> String {
    let (limit, rest) = match purpose {
        // What is committed is on the disk of the server, or of more servers where it is set up so: `off` alone is too little.
        Purpose::Write => (
            STEP,
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        ),
        Purpose::Read => (READ, "SET default_transaction_read_only = on"),
    };
    format!(
        "SET search_path = \"{schema}\"; SET statement_timeout = {limit}; SET lock_timeout = {limit}; \
         SET idle_in_transaction_session_timeout = {idle}; SET client_min_messages = warning; {rest}",
        limit = limit.as_millis(),
        idle = if purpose == Purpose::Write { IDLE.as_millis() } else { 0 },
    )
}

/// What `work` returns, within the time for a step.
///
/// # Errors
///
/// It failed, or took longer.
pub(super) async fn step<T>(work: impl Future<Output = Result<T, JournalError>>) -> Result<T, JournalError> {
    timeout(STEP, work).await.unwrap_or_else(|_| {
        let cause = format!("the server did not answer within {} s", STEP.as_secs());
        Err(JournalError::new(JournalErrorKind::Unavailable).caused_by(cause))
    })
}
