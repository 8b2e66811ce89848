//! The operator's program.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// The same in every build, also where the C library is musl, whose own is slow. It keeps one heap for all threads, and so
/// less memory than those that keep one for each.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    together_remediation_operator::cli::main()
}
