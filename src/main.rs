//! The program `leash`. All that it does is in the library.

// ARM's unwinder has other names.
#[cfg(all(panic = "abort", target_env = "musl", target_feature = "crt-static", not(target_arch = "arm")))]
mod unwind;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    leash::cli::run(&arguments).into()
}
