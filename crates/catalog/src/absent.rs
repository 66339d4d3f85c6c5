//! Unavailable servers, reported where their stub files would be listed.

use exuvia_tool::{Absent, Namespace};

/// The most servers that are named; of the rest the number is reported.
const NAMED: usize = 20;

/// A line for those that start and one for those that did not start; nothing where everything is there. Without names where
/// they take more than this.
pub(crate) fn told(namespace: &Namespace, max_bytes: usize) -> String {
    let (starting, down): (Vec<&Absent>, Vec<&Absent>) =
        namespace.absent().iter().partition(|absent| absent.is_starting());
    let counts = [("still starting", starting.len()), ("did not start", down.len())];
    let down = named(&down, |absent| match absent.reason() {
        Some(reason) => format!("{} ({reason})", absent.python_name),
        None => absent.python_name.clone(),
    });
    let starting = named(&starting, |absent| absent.python_name.clone());
    let lines = [("still starting", starting), ("did not start", down)];
    let lines = lines.iter().filter(|(_, names)| !names.is_empty());
    let told: String = lines.map(|(what, names)| format!("{what}: {names}\n")).collect();
    if told.len() <= max_bytes {
        return told;
    }
    counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}: {count} servers\n")).collect()
}

fn named(absent: &[&Absent], name: impl Fn(&Absent) -> String) -> String {
    let mut names: Vec<String> = absent.iter().take(NAMED).map(|absent| name(absent)).collect();
    if absent.len() > NAMED {
        names.push(format!("and {} more", absent.len() - NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use exuvia_tool::Absence;

    use super::*;

    fn beside(absent: Vec<Absent>) -> String {
        told(&Namespace::default().with_absent(absent), 1_000)
    }

    #[test]
    fn absent_servers_take_two_lines_and_none_takes_no_line() {
        assert_eq!(beside(Vec::new()), "");
        let absent = [
            ("crm", Absence::Starting),
            ("old", Absence::Failed),
            ("docs", Absence::Starting),
            ("slow", Absence::Late),
            ("git", Absence::Unauthorized { login: true }),
        ];
        assert_eq!(
            beside(absent.map(|(name, why)| Absent::new(name, why)).into()),
            "still starting: crm, docs\n\
            did not start: old, slow (not ready in time), git (the operator of this gateway must run `exuvia login git`)\n"
        );
    }

    #[test]
    fn many_are_counted() {
        let told = beside((0..1_000).map(|n| Absent::new(format!("s{n}"), Absence::Starting)).collect());
        assert!(told.ends_with("s19, and 980 more\n") && told.len() < 200, "{told}");
        let long = |n: usize| Absent::new(format!("{n:0>200}"), Absence::Failed);
        assert_eq!(beside((0..30).map(long).collect()), "did not start: 30 servers\n");
    }
}
