//! The operator's program.

use std::process::ExitCode;

use dlmalloc::GlobalDlmalloc;

/// dlmalloc in every build, so that builds for glibc and musl behave alike. glibc's allocator keeps one heap per thread
/// and so needs more memory; musl's allocator is slower.
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn main() -> ExitCode {
    together_remediation_operator::cli::main()
}
