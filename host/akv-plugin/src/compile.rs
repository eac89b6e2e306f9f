//! From a component to native code.
//!
//! Foreign bytes are compiled in a child process only: a panic or an endless loop of a compiler is no security bug of
//! its makers, and must not be the end of a controller.

use crate::artifact::{Artifact, ArtifactError};
use crate::engine::build_for;
use crate::inspect::{Refusal, digest, inspect};
use crate::made_for::{native, target, target_of};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Address space of the child. A 12 MB component of a JavaScript engine takes 400 MB.
const CHILD_MEMORY: u64 = 2 << 30;
/// CPU seconds of the child.
const CHILD_CPU: u64 = 60;
/// Wall time of the child: twice its CPU time, for a machine that is busy.
const CHILD_WALL: Duration = Duration::from_secs(120);
/// Compiled code is some ten times the component.
const OUTPUT_LIMIT: u64 = 512 << 20;
/// No component may be larger.
const INPUT_LIMIT: u64 = 64 << 20;

/// Why there is no code.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The binary may not be compiled.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The compiler said no.
    #[error("it could not be compiled: {0}")]
    Compiler(String),
    /// The child could not be started or talked to.
    #[error("the compiler could not be run: {0}")]
    Child(#[source] std::io::Error),
    /// The child ended badly.
    #[error("the compiler ended with {status}{}", .said.as_deref().map(|s| format!(": {s}")).unwrap_or_default())]
    Ended {
        /// How.
        status: String,
        /// The first line of what it said.
        said: Option<String>,
    },
    /// The child took too long.
    #[error("the compiler took longer than {} s", CHILD_WALL.as_secs())]
    TooSlow,
    /// The child's answer is not what was asked for.
    #[error("the compiler's answer cannot be used: {0}")]
    Answer(#[from] ArtifactError),
    /// The child compiled something else.
    #[error("the compiler answered for another component")]
    Digest,
}

/// Compiles in this process, for this processor.
pub fn compile(wasm: &[u8]) -> Result<Artifact, CompileError> {
    compile_under(native(), target(), wasm)
}

/// Compiles our own components at build time, for programs of the processor `arch`, in Rust's words. One that is not this
/// machine's takes the feature `all-arch`.
pub fn compile_for(arch: &str, wasm: &[u8]) -> Result<Artifact, CompileError> {
    let target = target_of(arch);
    compile_under(target, target, wasm)
}

fn compile_under(triple: &str, target: &str, wasm: &[u8]) -> Result<Artifact, CompileError> {
    inspect(wasm)?;
    let engine = build_for(triple).map_err(|e| CompileError::Compiler(e.to_string()))?;
    let code = engine.precompile_component(wasm).map_err(|e| CompileError::Compiler(format!("{e:#}")))?;
    Ok(Artifact::new(target, digest(wasm), code))
}

/// Compiles in a child: `program` with `args` must end in [`compile_stdin_to_stdout`]. Blocks until it has ended.
pub fn compile_in_child(program: &Path, args: &[&str], wasm: &[u8]) -> Result<Artifact, CompileError> {
    inspect(wasm)?;
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(CompileError::Child)?;
    let (status, output, said) = talk(&mut child, wasm)?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said).lines().next().map(|l| l.chars().take(300).collect());
        return Err(CompileError::Ended { status: status.to_string(), said });
    }
    let artifact = Artifact::from_bytes(output)?;
    if artifact.digest() == digest(wasm) { Ok(artifact) } else { Err(CompileError::Digest) }
}

/// Writes and reads at the same time, so that neither side waits for the other, until the child has ended; one that takes
/// too long is killed, whatever it does with its pipes.
fn talk(child: &mut Child, wasm: &[u8]) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), CompileError> {
    let missing = || CompileError::Child(std::io::Error::other("a pipe is missing"));
    let mut stdin = child.stdin.take().ok_or_else(missing)?;
    let stdout = child.stdout.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let deadline = Instant::now() + CHILD_WALL;
    std::thread::scope(|scope| {
        // A child that ended early shows in its status, which says more than a broken pipe.
        scope.spawn(move || drop(stdin.write_all(wasm)));
        let answer = scope.spawn(move || read_up_to(stdout, OUTPUT_LIMIT));
        let errors = scope.spawn(move || read_up_to(stderr, 64 << 10));
        let status = loop {
            if let Some(status) = child.try_wait().map_err(CompileError::Child)? {
                break status;
            }
            if Instant::now() >= deadline {
                drop(child.kill());
                drop(child.wait());
                return Err(CompileError::TooSlow);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let panicked = |_| CompileError::Child(std::io::Error::other("a reader panicked"));
        let output = answer.join().map_err(panicked)?.map_err(CompileError::Child)?;
        let said = errors.join().map_err(panicked)?.map_err(CompileError::Child)?;
        Ok((status, output, said))
    })
}

/// A child that writes more blocks on its pipe and is killed at the deadline.
fn read_up_to(source: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).map(|_| bytes)
}

/// The child's whole life: limits itself, reads a component from stdin, writes an artifact to stdout.
pub fn compile_stdin_to_stdout() -> ExitCode {
    let work = || -> Result<(), String> {
        for (resource, limit) in
            [(Resource::As, CHILD_MEMORY), (Resource::Cpu, CHILD_CPU), (Resource::Core, 0), (Resource::Fsize, 0)]
        {
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
                .map_err(|e| format!("the limits could not be set: {e}"))?;
        }
        let mut wasm = Vec::new();
        std::io::stdin().lock().take(INPUT_LIMIT).read_to_end(&mut wasm).map_err(|e| e.to_string())?;
        let artifact = compile(&wasm).map_err(|e| e.to_string())?;
        std::io::stdout().lock().write_all(&artifact.to_bytes()).map_err(|e| e.to_string())
    };
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
