//! The command line `imgcore`: pictures through the pipeline, and the core's verbs by hand.
#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    aws_adapter::memory::return_when_freed();
    cli::main()
}
