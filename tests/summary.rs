//! The last test binary of `cargo test`: what did not run, because this machine lacks what it needs. Cargo runs examples after
//! all other tests, in the order of their names.

fn main() {
    if let Some(summary) = testbed::tools::not_run::summary() {
        eprintln!("{summary}");
    }
}
