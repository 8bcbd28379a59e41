//! The program of every Lambda function.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use aws_adapter::lambda::{self, telemetry};
use aws_adapter::memory;

fn main() -> ExitCode {
    memory::return_when_freed();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(lambda::run()),
        Err(_) => return ExitCode::FAILURE,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::log_error(&error, None);
            ExitCode::FAILURE
        }
    }
}
