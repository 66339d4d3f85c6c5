//! Sums of tokens by day.

use rusqlite::{Connection, params};

use super::{sql, unsigned};
use crate::TokenSum;
use crate::tokens::TokenKind;

/// Adds to the sums: all of these, or none.
pub(super) fn add(connection: &mut Connection, sums: &[TokenSum]) -> rusqlite::Result<()> {
    let added = "INSERT INTO tokens (day, kind, count, tokens) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET count = count + ?3, tokens = tokens + ?4";
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for sum in sums {
        let values = params![sql(sum.day_ms), sum.kind.name(), sql(sum.count), sql(sum.tokens)];
        transaction.prepare_cached(added)?.execute(values)?;
    }
    transaction.commit()
}

/// The sums of the days that begin within these times, in order.
pub(super) fn sums(connection: &Connection, since_ms: u64, until_ms: u64) -> rusqlite::Result<Vec<TokenSum>> {
    let select = "SELECT day, kind, count, tokens FROM tokens WHERE day >= ?1 AND day < ?2 ORDER BY day, kind";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([sql(since_ms), sql(until_ms)])?;
    let mut sums = Vec::new();
    while let Some(row) = rows.next()? {
        // A kind that a newer program counts is not known here.
        if let Some(kind) = TokenKind::of_name(&row.get::<_, String>(1)?) {
            let (day_ms, count, tokens) = (unsigned(row.get(0)?), unsigned(row.get(2)?), unsigned(row.get(3)?));
            sums.push(TokenSum { day_ms, kind, count, tokens });
        }
    }
    Ok(sums)
}
