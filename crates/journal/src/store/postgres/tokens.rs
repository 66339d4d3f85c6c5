//! Sums of tokens by day.

use super::session::Session;
use super::{sql, unavailable, unreadable, unsigned};
use crate::tokens::TokenKind;
use crate::{JournalError, TokenSum};

const ADD: &str = "INSERT INTO tokens (day, kind, count, tokens) \
    SELECT * FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int8[]) \
    ON CONFLICT (day, kind) DO UPDATE SET count = tokens.count + excluded.count, tokens = tokens.tokens + excluded.tokens";
const SUMS: &str = "SELECT day, kind, count, tokens FROM tokens WHERE day >= $1 AND day < $2 ORDER BY day, kind";

/// Adds to the sums: all of these, or none. They are in order, so that no two processes wait for each other.
pub(super) async fn add(session: &Session, sums: &[TokenSum]) -> Result<(), JournalError> {
    let numbers = |number: fn(&TokenSum) -> u64| sums.iter().map(|sum| sql(number(sum))).collect::<Vec<_>>();
    let kinds: Vec<&str> = sums.iter().map(|sum| sum.kind.name()).collect();
    let (days, counts, tokens) = (numbers(|sum| sum.day_ms), numbers(|sum| sum.count), numbers(|sum| sum.tokens));
    session.execute(ADD, &[&days, &kinds, &counts, &tokens]).await.map_err(unavailable)?;
    Ok(())
}

/// The sums of the days that begin within these times, in order.
pub(super) async fn sums(session: &Session, since_ms: u64, until_ms: u64) -> Result<Vec<TokenSum>, JournalError> {
    let mut sums = Vec::new();
    for row in session.query(SUMS, &[&sql(since_ms), &sql(until_ms)]).await.map_err(unreadable)? {
        let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unreadable);
        // A kind that a newer program counts is not known here.
        if let Some(kind) = TokenKind::of_name(row.try_get(1).map_err(unreadable)?) {
            sums.push(TokenSum { day_ms: number(0)?, kind, count: number(2)?, tokens: number(3)? });
        }
    }
    Ok(sums)
}
