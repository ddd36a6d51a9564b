//! The `ballast-keeper` command.

use std::{ffi::OsString, io::IsTerminal};

use ballast_keeper::service::{
    config::{LogFormat, Options},
    run,
};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Times the evaluation of many accounts after a price update.
#[derive(Parser)]
#[command(name = "ballast-keeper bench")]
struct Bench {
    #[command(flatten)]
    options: ballast_keeper::bench::Options,
}

/// Whether logs are coloured: on a terminal, unless `NO_COLOR` is set to anything (<https://no-color.org>).
fn has_colours(is_terminal: bool, no_color: Option<OsString>) -> bool {
    is_terminal && no_color.is_none_or(|value| value.is_empty())
}

fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "bench") {
        arguments.remove(1);
        return Bench::parse_from(arguments).options.run();
    }
    let options = match Options::parse_with_file(arguments) {
        Ok(options) => options,
        Err(error) => match error.downcast::<clap::Error>() {
            // Help and the version come this way too.
            Ok(error) => error.exit(),
            Err(error) => return Err(error),
        },
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let has_colours = has_colours(std::io::stdout().is_terminal(), std::env::var_os("NO_COLOR"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(has_colours);
    match options.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run::run(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_coloured_on_a_terminal_alone_and_not_where_no_color_is_set() {
        assert!(has_colours(true, None) && has_colours(true, Some("".into())));
        assert!(!has_colours(true, Some("1".into())) && !has_colours(true, Some("0".into())));
        assert!(!has_colours(false, None) && !has_colours(false, Some("".into())));
    }
}
