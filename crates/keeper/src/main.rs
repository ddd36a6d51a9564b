//! The `ballast-keeper` command.

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
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    match options.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run::run(options))
}
