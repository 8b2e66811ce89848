//! The operator's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    together_remediation_operator::cli::main()
}
