//! The table of `list`: a job a line, fitted to the terminal.
//!
//! Decides the columns, what gives way where it is narrow, and the one thing that is
//! worth knowing of a job in its state. The widths are those of the first page, so
//! that later ones stand under it whatever they hold.

use comenq_proto::{Job, JobState};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use unicode_width::UnicodeWidthStr as _;

use super::{
    Context,
    words::{cut, target, trouble},
};
use crate::{
    output::plain_line,
    terminal::{HEAD, Look, of_state},
    times::Times,
};

/// Between two columns.
const GAP: usize = 2;
/// From this width on, times are shown by the clock and by their distance.
const ROOMY: usize = 100;
/// What the columns that give way are given at least.
const LEAST: usize = 16;
/// What a narrow terminal does without, in this order.
const EXPENDABLE: [Column; 3] = [Column::Account, Column::Submitted, Column::User];
/// The account that needs no name.
const DEFAULT_ACCOUNT: &str = "default";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    State,
    Target,
    User,
    Account,
    Submitted,
    What,
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Id => "ID",
            Self::State => "STATE",
            Self::Target => "TARGET",
            Self::User => "USER",
            Self::Account => "ACCOUNT",
            Self::Submitted => "SUBMITTED",
            Self::What => "WHAT",
        }
    }

    /// How narrow it may be, of a width that would do.
    fn least(self, width: usize) -> usize {
        match self {
            Self::Target | Self::What => width.min(LEAST),
            _ => width,
        }
    }
}

/// The layout, made by the first page.
pub(super) struct JobTable {
    columns: Vec<(Column, usize)>,
    look: Look,
    times: Times,
    is_begun: bool,
}

impl JobTable {
    /// Fitted to these jobs.
    pub(super) fn new(jobs: &[Job], shows_users: bool, context: &Context<'_>) -> Self {
        let (look, times) = (context.output.look(), context.output.times());
        let shows_accounts = jobs.iter().any(|job| job.account != DEFAULT_ACCOUNT);
        let mut columns = vec![Column::Id, Column::State, Column::Target];
        columns.extend(shows_users.then_some(Column::User));
        columns.extend(shows_accounts.then_some(Column::Account));
        columns.extend([Column::Submitted, Column::What]);
        let mut table = Self {
            columns: columns.into_iter().map(|column| (column, 0)).collect(),
            look,
            times,
            is_begun: false,
        };
        let widths: Vec<_> = table
            .columns
            .iter()
            .map(|(column, _)| {
                let cells = jobs.iter().map(|job| table.cell(*column, job, context));
                let widest = cells.map(|cell| cell.width()).max();
                widest.unwrap_or(0).max(column.title().len())
            })
            .collect();
        for ((_, width), natural) in table.columns.iter_mut().zip(widths) {
            *width = natural;
        }
        table.fit();
        table
    }

    /// Lets the last column and then the targets give way, and where that is not enough
    /// leaves out what matters least.
    fn fit(&mut self) {
        let Some(most) = self.look.width else { return };
        let mut spare = EXPENDABLE.into_iter();
        while self.least() > most {
            let Some(column) = spare.next() else { break };
            self.columns.retain(|(it, _)| *it != column);
        }
        for (column, least) in [
            (Column::What, LEAST),
            (Column::Target, LEAST),
            (Column::What, 1),
        ] {
            let surplus = self.total().saturating_sub(most);
            let found = self.columns.iter_mut().find(|(it, _)| *it == column);
            if let Some((_, width)) = found {
                *width = width.saturating_sub(surplus).max(least.min(*width));
            }
        }
    }

    fn total(&self) -> usize {
        self.sum(|_, width| width)
    }

    fn least(&self) -> usize {
        self.sum(Column::least)
    }

    fn sum(&self, width: impl Fn(Column, usize) -> usize) -> usize {
        let widths = self.columns.iter().map(|(column, it)| width(*column, *it));
        widths.sum::<usize>() + GAP * self.columns.len().saturating_sub(1)
    }

    /// The lines of these jobs, behind the titles at first.
    pub(super) fn lines(&mut self, jobs: &[Job], context: &Context<'_>) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        let mut states = Vec::new();
        if !self.is_begun {
            table.add_row(self.columns.iter().map(|(column, _)| column.title()));
            states.push(None);
            self.is_begun = true;
        }
        for job in jobs {
            table.add_row(self.row(job, context));
            states.push(Some(job.state));
        }
        for (column, (_, width)) in table.column_iter_mut().zip(&self.columns) {
            let gap = u16::try_from(GAP).unwrap_or(0);
            let width = u16::try_from(*width).unwrap_or(u16::MAX - gap);
            column
                .set_padding((0, gap))
                .set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + gap)));
        }
        let lines = table.lines().zip(states);
        lines
            .map(|(line, state)| self.painted(line.trim_end(), state) + "\n")
            .collect()
    }

    /// The cells of a job, cut to their columns where there is a width to keep.
    fn row(&self, job: &Job, context: &Context<'_>) -> Vec<String> {
        let cells = self.columns.iter().map(|(column, width)| {
            let cell = self.cell(*column, job, context);
            match self.look.width {
                Some(_) => cut(&cell, *width),
                None => cell,
            }
        });
        cells.collect()
    }

    /// The line of titles, or that of a job in a state.
    fn painted(&self, line: &str, state: Option<JobState>) -> String {
        match state {
            None => self.look.paint(HEAD, line),
            // The number before it has no letters.
            Some(state) => {
                let painted = self.look.paint(of_state(state), state);
                line.replacen(state.as_str(), &painted, 1)
            }
        }
    }

    fn cell(&self, column: Column, job: &Job, context: &Context<'_>) -> String {
        match column {
            Column::Id => job.id.to_string(),
            Column::State => job.state.to_string(),
            Column::Target => plain_line(&target(job)),
            Column::User => plain_line(&context.user(job.uid)),
            Column::Account => plain_line(&job.account),
            Column::Submitted if self.look.width.is_none_or(|width| width >= ROOMY) => {
                self.times.ago(job.created_at_ms)
            }
            Column::Submitted => self.times.passed(job.created_at_ms),
            Column::What => plain_line(&what(job, self.times)),
        }
    }
}

/// The one thing worth knowing of a job in its state.
fn what(job: &Job, times: Times) -> String {
    let mut parts = Vec::new();
    if job.cancel_requested && !job.state.is_finished() {
        parts.push("cancelled, outcome being looked up".to_owned());
    }
    if let Some(at) = job.not_before_ms.filter(|_| job.state == JobState::Queued) {
        parts.push(format!("not before {}", times.near(at)));
    }
    if let Some(at) = job.next_attempt_at_ms.filter(|_| !job.state.is_finished()) {
        parts.push(format!("next try {}", times.ahead(at)));
    }
    if let Some(at) = job.next_look_at_ms.filter(|_| !job.state.is_finished()) {
        parts.push(format!("next look {}", times.ahead(at)));
    }
    if job.attempts > 1 && !job.state.is_finished() {
        parts.push(format!("{} tries", job.attempts));
    }
    if let Some(newer) = job.superseded_by {
        parts.push(format!("superseded by #{newer}"));
    }
    parts.extend(
        job.finished_at_ms
            .map(|at| times.passed(at))
            .filter(|_| job.state == JobState::Posted),
    );
    parts.extend(trouble(job).map(ToOwned::to_owned));
    parts.extend(job.comment_url.as_deref().map(ToOwned::to_owned));
    parts.join("; ")
}
