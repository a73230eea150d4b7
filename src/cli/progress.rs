//! What a run shows while it works: on a terminal a line that is gone at the end, elsewhere nothing.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::load::Plan;
use crate::pipeline::Observer;

/// Nothing is shown before this much time has passed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows the decisions about the input, then the stage and the lines read.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    lines: AtomicU64,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            let style = ProgressStyle::with_template("{spinner} {msg}  [{elapsed}]");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        if let Some(bar) = bar.clone() {
            std::thread::spawn(move || {
                std::thread::sleep(PATIENCE);
                if !bar.is_finished() {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            });
        }
        Self {
            bar,
            quiet,
            lines: AtomicU64::new(0),
        }
    }

    fn show(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }

    /// Lines written so far by `generate`.
    pub fn written(&self, lines: u64) {
        self.show(format!("{} lines written", HumanCount(lines)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn plan(&self, plan: &Plan) {
        if self.quiet {
            return;
        }
        let print = || {
            super::screen::plan(plan)
                .lines()
                .for_each(|line| tracing::info!("{line}"))
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn stage(&self, name: &'static str) {
        self.show(name.replace('_', " "));
    }

    fn lines(&self, n: u64) {
        let lines = self.lines.fetch_add(n, Ordering::Relaxed) + n;
        self.show(format!("{} lines read", HumanCount(lines)));
    }
}
