//! Patchbay in a terminal: see `patchbay --help`. In a browser's build there is no terminal, so it does nothing there.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    use std::io::{stderr, stdout, BufWriter};

    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mut output = BufWriter::with_capacity(1 << 16, stdout().lock());
    let code = patchbay::terminal::main(&arguments, &mut output, &mut stderr().lock());
    // What is still in the buffer after an error can't be written; dropping the buffer would try once more.
    let _ = output.into_parts();
    std::process::ExitCode::from(code)
}

#[cfg(target_arch = "wasm32")]
fn main() {}
