//! A constant-rate, open-loop HTTP/1.1 load generator. Each request's time runs from the moment it was due, so a proxy
//! that stalls is charged for every request that waited meanwhile.
//!
//! `load --address 127.0.0.1:PORT --path /equal/2048 --rate 2000 --count 8000 [--connections 32] [--method GET]
//! [--body-bytes 0] [--timeout-ms 10000] [--max-seconds 60]` prints one JSON object; see [`Tally::report`]. Times are in
//! microseconds. Exit status 0 when the run came to its end, whatever the answers were; 64 for a bad command line.

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use parallelrun_bench::args::Args;
use parallelrun_bench::client::{work, Plan};
use parallelrun_bench::pacer::Pacer;
use parallelrun_bench::report::Tally;

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("load: {message}");
            ExitCode::from(64)
        }
    }
}

fn run() -> Result<serde_json::Value, String> {
    let known = [
        "address",
        "path",
        "rate",
        "count",
        "connections",
        "method",
        "body-bytes",
        "timeout-ms",
        "max-seconds",
    ];
    let args = Args::from_env(&known)?;
    let rate: f64 = args.need("rate")?;
    if !(rate.is_finite() && rate > 0.0) {
        return Err(format!("--rate: {rate} is not above 0"));
    }
    let count: u64 = args.need("count")?;
    let connections: usize = args.get("connections", 32)?;
    let limit = Duration::from_secs(args.get("max-seconds", 60)?);
    let plan = Rc::new(Plan {
        address: args.need("address")?,
        method: args.get("method", http::Method::GET)?,
        target: args.need("path")?,
        // Not all alike, so that a sum over them means something.
        body: (0..args.get("body-bytes", 0_usize)?)
            .map(|i| b'a' + (i % 26) as u8)
            .collect::<Vec<_>>()
            .into(),
        timeout: Duration::from_millis(args.get("timeout-ms", 10_000)?),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let (pacer, tally) = (
            Pacer::start(rate, count).map_err(|e| e.to_string())?,
            Rc::new(Tally::new()?),
        );
        let pacer = Rc::new(pacer);
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                let (plan, pacer, tally) = (Rc::clone(&plan), Rc::clone(&pacer), Rc::clone(&tally));
                tokio::task::spawn_local(async move { work(&plan, &pacer, &tally).await })
            })
            .collect();
        let whole = async {
            for worker in workers {
                worker.await.map_err(|e| e.to_string())?;
            }
            Ok::<_, String>(())
        };
        // At the limit the rest is reported as unsent or unfinished.
        if let Ok(ended) = tokio::time::timeout(limit, whole).await {
            ended?;
        }
        Ok(tally.report(count, pacer.started().elapsed()))
    })
}
