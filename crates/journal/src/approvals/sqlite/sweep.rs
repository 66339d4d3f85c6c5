//! Letting expire what is over, and removing what nobody needs any more.

use rusqlite::{Connection, Transaction, params};

use super::{advance, unavailable, writing};
use crate::approvals::stored::of_journal;
use crate::approvals::{ApprovalError, ERASED, SWEPT_AT_ONCE, Swept};
use crate::store::sql;
use crate::store::sqlite::check;

const OVER: &str = "SELECT a.id, a.run, EXISTS (SELECT 1 FROM keys k WHERE k.run = a.run) FROM approvals a \
    WHERE a.state IN ('pending', 'approved') AND a.expires_ms <= ?1 ORDER BY a.expires_ms LIMIT ?2";
const SET: &str = "UPDATE approvals SET state = ?2, version = ?3, void_reason = ?4 WHERE id = ?1";
const ANSWERED: &str = "UPDATE waiting_runs SET answered = ?2 WHERE run = ?1";
const ENDED: &str = "SELECT run FROM waiting_runs WHERE ended_ms < ?1 LIMIT ?2";

/// An approval that is over.
struct Over {
    id: String,
    run: i64,
    is_kept: bool,
}

pub(super) fn sweep(connection: &mut Connection, now_ms: u64, keep_ms: u64) -> Result<Swept, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let before_ms = now_ms.saturating_sub(keep_ms);
    // Nothing is locked where there is nothing to do.
    let (over, ended) = found(connection, now_ms, before_ms).map_err(unavailable)?;
    if over.is_empty() && ended.is_empty() {
        return Ok(Swept::default());
    }
    let transaction = writing(connection)?;
    let (over, ended) = found(&transaction, now_ms, before_ms).map_err(unavailable)?;
    let done = expire(&transaction, &over).and_then(|()| remove(&transaction, &ended));
    done.and_then(|()| transaction.commit()).map_err(unavailable)?;
    let is_full = |found: usize| found as u64 == SWEPT_AT_ONCE;
    Ok(Swept { has_changed: !over.is_empty(), has_more: is_full(over.len()) || is_full(ended.len()) })
}

fn found(connection: &Connection, now_ms: u64, before_ms: u64) -> rusqlite::Result<(Vec<Over>, Vec<i64>)> {
    let most = sql(SWEPT_AT_ONCE);
    let row = |row: &rusqlite::Row<'_>| Ok(Over { id: row.get(0)?, run: row.get(1)?, is_kept: row.get(2)? });
    let over = connection.prepare_cached(OVER)?.query_map([sql(now_ms), most], row)?.collect::<Result<_, _>>()?;
    let mut ended = connection.prepare_cached(ENDED)?;
    let ended = ended.query_map([sql(before_ms), most], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok((over, ended))
}

fn expire(transaction: &Transaction<'_>, over: &[Over]) -> rusqlite::Result<()> {
    for Over { id, run, is_kept } in over {
        let version = advance(transaction)?;
        let (state, reason) = if *is_kept { ("expired", None) } else { ("void", Some(ERASED)) };
        transaction.prepare_cached(SET)?.execute(params![id, state, version, reason])?;
        transaction.prepare_cached(ANSWERED)?.execute([*run, version])?;
    }
    Ok(())
}

fn remove(transaction: &Transaction<'_>, runs: &[i64]) -> rusqlite::Result<()> {
    for removal in ["DELETE FROM approvals WHERE run = ?1", "DELETE FROM waiting_runs WHERE run = ?1"] {
        let mut removal = transaction.prepare_cached(removal)?;
        for run in runs {
            removal.execute([run])?;
        }
    }
    Ok(())
}
