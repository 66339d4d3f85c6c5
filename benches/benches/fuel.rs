//! `cargo bench --bench fuel [-- --bless]`: fuel of the workloads against `fuel.baseline.json`.

fn main() -> anyhow::Result<()> {
    exuvia_benches::fuel::check(std::env::args().any(|argument| argument == "--bless"))
}
