//! Shells in which the commands of documents are run, and what they print compared with what the documents say.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// The longest that a command may take, and that what it starts may take to do what the document shows.
const PATIENCE: Duration = Duration::from_secs(300);
/// What a shell prints when a command is done.
const DONE: &str = "-- the command is done --";
/// Stands for lines that a document leaves out.
const LEFT_OUT: &str = "…";

/// A command with what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// As a shell takes it, its continued lines included.
    pub command: String,
    /// The lines below.
    pub output: Vec<String>,
}

/// The fenced blocks of a language.
pub fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let Some(of) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if of == language {
            found.push(block.join("\n"));
        }
    }
    found
}

/// The commands of a `console` block.
pub fn commands(block: &str) -> Result<Vec<Typed>> {
    let mut found: Vec<Typed> = Vec::new();
    let mut is_continued = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Typed { command: command.into(), output: Vec::new() }),
            (None, Some(last)) if is_continued => last.command += &format!("\n{line}"),
            (None, Some(last)) => last.output.push(line.into()),
            (None, None) => bail!("`{line}` stands before any command"),
        }
        is_continued = line.ends_with('\\') && found.last().is_some_and(|last| last.output.is_empty());
    }
    Ok(found)
}

/// A shell.
pub struct Terminal {
    shell: Child,
    /// None once it is given up.
    keyboard: Option<ChildStdin>,
    screen: Receiver<String>,
}

impl Terminal {
    /// Opens one in a folder, of somebody whose files are in another.
    pub fn open(folder: &Path, home: &Path) -> Result<Self> {
        let mut shell = Command::new("bash")
            .args(["--noprofile", "--norc", "-s"])
            .current_dir(folder)
            .env("HOME", home)
            .env_remove("BALLAST_MARKET")
            .env_remove("BALLAST_VAULT")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("no bash")?;
        let keyboard = shell.stdin.take();
        let output = BufReader::new(shell.stdout.take().context("its output")?);
        let (print, screen) = channel();
        std::thread::spawn(move || {
            // Ends with the shell, or with the test.
            output.lines().map_while(Result::ok).take_while(|line| print.send(line.clone()).is_ok()).for_each(drop);
        });
        let mut terminal = Self { shell, keyboard, screen };
        // As a shell at a terminal: errors are seen, aliases work.
        terminal.prepare("exec 2>&1; shopt -s expand_aliases")?;
        Ok(terminal)
    }

    fn type_in(&mut self, text: &str) -> Result<()> {
        let keyboard = self.keyboard.as_mut().context("the terminal is closed")?;
        keyboard.write_all(text.as_bytes()).context("the shell is gone")
    }

    /// The next line before a time; none if it is the end of a command.
    fn line(&self, until: Instant, typed: &str) -> Result<Option<String>> {
        match self.screen.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line == DONE => Ok(None),
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => bail!("`{typed}` takes too long"),
            Err(RecvTimeoutError::Disconnected) => bail!("`{typed}` ended the shell"),
        }
    }

    /// What a command prints until it ends.
    fn output(&mut self, command: &str) -> Result<Vec<String>> {
        self.type_in(&format!("{command}\necho '{DONE}'\n"))?;
        let until = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        while let Some(line) = self.line(until, command)? {
            lines.push(line);
        }
        Ok(lines)
    }

    /// Runs something that prints nothing.
    pub fn prepare(&mut self, command: &str) -> Result<()> {
        let printed = self.output(command)?;
        ensure!(printed.is_empty(), "`{command}`: {}", printed.join("\n"));
        Ok(())
    }

    /// Runs a command that ends, and compares the whole of what it prints.
    pub fn runs(&mut self, Typed { command, output }: &Typed) -> Result<()> {
        let printed = self.output(command)?;
        let mut left = &printed[..];
        let mut skips = false;
        for line in output {
            if line == LEFT_OUT {
                skips = true;
                continue;
            }
            let found = left.iter().position(|one| is_like(line, one)).filter(|at| skips || *at == 0);
            let found =
                found.with_context(|| format!("`{command}` does not print\n{line}\nbut\n{}", printed.join("\n")))?;
            (left, skips) = (&left[found + 1..], false);
        }
        ensure!(skips || left.is_empty(), "`{command}` prints more than the document says:\n{}", left.join("\n"));
        Ok(())
    }

    /// Runs commands, of which the last does not end, until that has printed all that stands below it.
    pub fn starts(&mut self, commands: &[Typed]) -> Result<()> {
        let (Typed { command, output }, before) = commands.split_last().context("no command")?;
        before.iter().try_for_each(|typed| self.runs(typed))?;
        self.type_in(&format!("{command}\necho '{DONE}'\n"))?;
        let until = Instant::now() + PATIENCE;
        let (mut printed, mut skips) = (Vec::new(), false);
        for line in output {
            if line == LEFT_OUT {
                skips = true;
                continue;
            }
            loop {
                let next =
                    self.line(until, command).with_context(|| format!("{line}\nafter\n{}", printed.join("\n")))?;
                let next = next.with_context(|| format!("`{command}` ended: {}", printed.join("\n")))?;
                printed.push(next.clone());
                if is_like(line, &next) {
                    break;
                }
                ensure!(skips, "`{command}` does not print\n{line}\nbut\n{}", printed.join("\n"));
            }
            skips = false;
        }
        Ok(())
    }

    /// Presses Ctrl-C and closes the terminal, and waits until all is over.
    pub fn interrupt(&mut self) -> Result<()> {
        self.signal("-INT")?;
        self.keyboard = None;
        let until = Instant::now() + PATIENCE;
        // Whatever had its output open has ended then.
        while self.screen.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
        ensure!(Instant::now() < until, "it does not end");
        self.shell.wait()?;
        Ok(())
    }

    fn signal(&self, name: &str) -> Result<()> {
        let group = format!("-{}", self.shell.id());
        Command::new("kill").args([name, "--", &group]).status().map(drop).context("kill")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.shell.try_wait().is_ok_and(|ended| ended.is_none()) {
            _ = self.signal("-TERM");
            _ = self.shell.wait();
        }
    }
}

/// Whether a line is as a document says: word for word, but for what differs each time: signatures, times, amounts and
/// prices. Of a log's fields, addresses and numbers differ too. Columns move with their widths.
pub fn is_like(document: &str, printed: &str) -> bool {
    let (document, printed) = (words(document), words(printed));
    document.len() == printed.len() && document.iter().zip(&printed).all(|(one, other)| one.is_like(other))
}

/// A word of a line, and whether it is the value of a log's field.
struct Word<'a> {
    text: &'a str,
    is_field: bool,
}

fn words(line: &str) -> Vec<Word<'_>> {
    let is_end = |c: char| c.is_whitespace() || "=\"(),;".contains(c);
    let mut found = Vec::new();
    for part in line.split_inclusive(is_end) {
        // JSON's own signs too.
        let text = part.trim_matches(|c| is_end(c) || ":{}[]".contains(c));
        if !text.is_empty() {
            found.push((text, part.ends_with('=')));
        }
    }
    let mut is_field = false;
    let word = |(text, is_name)| {
        let word = Word { text, is_field };
        is_field = is_name;
        word
    };
    found.into_iter().map(word).collect()
}

impl Word<'_> {
    fn is_like(&self, printed: &Word) -> bool {
        let (one, other) = (self.text, printed.text);
        let both = |holds: fn(&str) -> bool| holds(one) && holds(other);
        if one == other
            || both(is_signature)
            || both(is_time)
            || both(is_day)
            || both(is_minute)
            || self.is_field && both(is_address)
        {
            return true;
        }
        let (Some(said), Some(found)) = (number(one), number(other)) else { return false };
        let is_amount = one.contains(['.', '_']) || one.len() >= 5 || self.is_field;
        // What stands as a whole number may have earned, or lost by rounding, a part of an atom.
        is_amount || other.contains('.') && (found - said).abs() <= said.abs() / 1_000.0
    }
}

fn is_base58(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() && !"0OIl".contains(c))
}

fn is_signature(text: &str) -> bool {
    is_base58(text) && (80..=90).contains(&text.len())
}

fn is_address(text: &str) -> bool {
    is_base58(text) && (32..=44).contains(&text.len())
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T') && text.starts_with("20")
}

/// 2026-11-28.
fn is_day(text: &str) -> bool {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = text.split('-').collect();
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

/// 03:36.
fn is_minute(text: &str) -> bool {
    text.len() == 5
        && text.bytes().enumerate().all(|(at, byte)| if at == 2 { byte == b':' } else { byte.is_ascii_digit() })
}

fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()).then(|| text.replace('_', "").parse().ok())?
}
