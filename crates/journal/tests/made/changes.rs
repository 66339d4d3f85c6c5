//! Changes of a journal's database that verification finds.

/// Each by its name, as SQL that both databases take, for the [journal](super::place::Place::fill) of 25 runs and 325 records.
pub(crate) fn changes() -> Vec<(&'static str, String)> {
    let swap = "CREATE TEMP TABLE two AS SELECT * FROM records WHERE seq IN (5, 6);
                UPDATE records SET (run, head, body) = (SELECT run, head, body FROM two WHERE seq = 6) WHERE seq = 5;
                UPDATE records SET (run, head, body) = (SELECT run, head, body FROM two WHERE seq = 5) WHERE seq = 6;";
    let renumber = "UPDATE records SET seq = -seq WHERE seq > 20; UPDATE records SET seq = -seq";
    vec![
        ("swapped", swap.to_owned()),
        ("removed", "DELETE FROM records WHERE seq = 20".to_owned()),
        ("removed and closed up", format!("DELETE FROM records WHERE seq = 20; {renumber} - 1 WHERE seq < 0")),
        (
            "inserted",
            format!(
                "{renumber} + 1 WHERE seq < 0; INSERT INTO records SELECT 21, run, head, body FROM records WHERE seq = 20"
            ),
        ),
        ("appended", "INSERT INTO records SELECT 326, run, head, body FROM records WHERE seq = 325".to_owned()),
        ("moved to another run", "UPDATE records SET run = 1 WHERE seq = 20".to_owned()),
        ("a private part removed", "UPDATE records SET body = NULL WHERE seq = 20".to_owned()),
        (
            "a private part moved",
            "UPDATE records SET body = (SELECT body FROM records WHERE seq = 20) WHERE seq = 22".to_owned(),
        ),
        ("a key removed", "DELETE FROM keys WHERE run = 1".to_owned()),
        ("a run missing from the index", "DELETE FROM runs WHERE first = 14".to_owned()),
        (
            "a run invented in the index",
            "INSERT INTO runs SELECT 999, 'x', false, 'operator', 1, 1, 'returned', 1, NULL, NULL, NULL".to_owned(),
        ),
        ("marked as erased", "UPDATE runs SET erased_by = 20 WHERE first = 1".to_owned()),
        (
            "erased without a record",
            "UPDATE runs SET erased_by = 20 WHERE first = 1; DELETE FROM keys WHERE run = 1; UPDATE records SET body = NULL WHERE run = 1"
                .to_owned(),
        ),
    ]
}
