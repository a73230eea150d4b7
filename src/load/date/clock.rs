//! Instants to the wall clock of a time zone, fast enough for every line of a file.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use super::SECONDS_PER_DAY;

/// Seconds since 1970-01-01 by the clock of `tz` at the UTC second `instant`.
pub fn to_local_seconds(instant: i64, tz: Tz) -> i64 {
    instant + offset_at(instant, tz)
}

fn offset_at(instant: i64, tz: Tz) -> i64 {
    // Beyond chrono's calendar, a quarter of a million years away, the first offset on record does.
    chrono::DateTime::from_timestamp(instant, 0).map_or(0, |utc| {
        i64::from(tz.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc())
    })
}

/// A time zone with the spans of constant offset from 1970 to 2100 worked out, and the one used last at hand:
/// neighbouring instants cost two comparisons, others a search. Outside those years it asks the zone itself.
#[derive(Clone, Debug)]
pub struct LocalClock {
    tz: Tz,
    current: Span,
    /// In order, without gaps.
    spans: Vec<Span>,
}

/// `from` is in the span, `until` is not.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: i64,
    until: i64,
    offset: i64,
}

impl LocalClock {
    /// Costs about 50,000 look-ups: make one per thread, not per line.
    pub fn new(tz: Tz) -> Self {
        /// 1970-01-01 and 2100-01-01.
        const YEARS: (i64, i64) = (0, 4_102_444_800);
        let (first, last) = YEARS;
        let mut current = Span {
            from: first,
            until: last,
            offset: offset_at(first, tz),
        };
        let mut spans = Vec::new();
        let mut day = first;
        while day < last {
            let next = day + SECONDS_PER_DAY;
            let offset = offset_at(next, tz);
            if offset != current.offset {
                // No zone has changed twice within a day since 1970, so there is one change to find.
                let (mut before, mut after) = (day, next);
                while before + 1 < after {
                    let middle = before + (after - before) / 2;
                    if offset_at(middle, tz) == current.offset {
                        before = middle;
                    } else {
                        after = middle;
                    }
                }
                spans.push(Span {
                    until: after,
                    ..current
                });
                current = Span {
                    from: after,
                    until: last,
                    offset,
                };
            }
            day = next;
        }
        spans.push(current);
        Self { tz, current, spans }
    }

    pub fn tz(&self) -> Tz {
        self.tz
    }

    /// [`to_local_seconds`] for the zone of this clock.
    #[inline]
    pub fn to_local_seconds(&mut self, instant: i64) -> i64 {
        if self.current.from <= instant && instant < self.current.until {
            instant + self.current.offset
        } else {
            self.search(instant)
        }
    }

    #[cold]
    fn search(&mut self, instant: i64) -> i64 {
        let at = self.spans.partition_point(|span| span.until <= instant);
        match self.spans.get(at) {
            Some(span) if span.from <= instant => {
                self.current = *span;
                instant + span.offset
            }
            _ => to_local_seconds(instant, self.tz),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn summer_time_starts_and_ends_on_the_second() {
        let mut clock = LocalClock::new(Tz::Europe__London);
        // 2011-03-27T01:00:00Z and 2011-10-30T01:00:00Z.
        for (change, before, after) in [(1_301_187_600, 0, 3_600), (1_319_936_400, 3_600, 0)] {
            assert_eq!(clock.to_local_seconds(change - 1), change - 1 + before);
            assert_eq!(clock.to_local_seconds(change), change + after);
        }
        let mut clock = LocalClock::new(Tz::Asia__Shanghai);
        assert_eq!(clock.to_local_seconds(1_323_435_000), 1_323_435_000 + 8 * 3_600);
        assert_eq!(clock.to_local_seconds(i64::MAX / 2), i64::MAX / 2);
    }

    proptest! {
        #[test]
        fn the_clock_agrees_with_the_zone(zone in 0..chrono_tz::TZ_VARIANTS.len(), instants: [u32; 32], early in -9_000_000_000_i64..0) {
            let tz = chrono_tz::TZ_VARIANTS[zone];
            let mut clock = LocalClock::new(tz);
            let changes: Vec<i64> = clock.spans.iter().flat_map(|span| [span.from, span.until]).collect();
            let around = changes.iter().flat_map(|change| [change - 3_601, change - 1, *change, change + 1, change + 3_601]);
            for instant in instants.iter().map(|&instant| i64::from(instant)).chain([early]).chain(around) {
                prop_assert_eq!(clock.to_local_seconds(instant), to_local_seconds(instant, tz), "{} {}", tz, instant);
            }
        }
    }
}
