//! Member values: numbers, times and scopes. A useless value counts as missing.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Wall;

/// Deepest nesting of members that are kept.
pub(super) const DEEPEST: usize = 16;
/// Longest lifetime of an access token that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A scope as text or as a list.
pub(crate) fn scope(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(scope) => clean_scope(scope),
        Value::Array(scopes) => clean_scope(&scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Sanitizes a scope for a terminal and a log.
pub(crate) fn clean_scope(scope: &str) -> String {
    scope.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4096).collect::<String>().trim().to_owned()
}

/// A lifetime in units, as a number or as text, fractions cut off. `None` for anything else, and if it is not between a
/// second and `LONGEST_LIFE`.
pub(crate) fn lifetime(value: &Value, unit: Duration) -> Option<Duration> {
    let milliseconds = number(value)?.checked_mul(u64::try_from(unit.as_millis()).ok()?)?;
    let life = Duration::from_millis(milliseconds);
    (SECOND..=LONGEST_LIFE).contains(&life).then_some(life)
}

/// The remaining lifetime of a token: by `expires_in`, else by the end that the reply gives, else zero if `expires_in`
/// is zero or less.
pub(super) fn left(expires_in: Option<&Value>, unit: Duration, until_end: Option<Duration>) -> Option<Duration> {
    let nothing = || {
        let units: f64 = match expires_in? {
            Value::String(text) => text.trim().parse().ok()?,
            value => value.as_f64()?,
        };
        (units <= 0.0).then_some(Duration::ZERO)
    };
    expires_in.and_then(|value| lifetime(value, unit)).or(until_end).or_else(nothing)
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            text.trim().parse::<u64>().ok().or_else(|| text.trim().parse::<f64>().ok().and_then(whole))
        }
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn whole(units: f64) -> Option<u64> {
    (units.is_finite() && (1.0..1e12).contains(&units)).then_some(units as u64)
}

/// A time in Unix seconds; `None` for a missing value, `null` and 0.
pub(crate) fn moment(value: Option<&Value>) -> Option<Wall> {
    let seconds = number(value?).filter(|seconds| *seconds > 0)?;
    Some(Wall(0).plus(Duration::from_secs(seconds)))
}

pub(super) fn left_until(value: Option<&Value>, now: Wall) -> Option<Duration> {
    moment(value).map(|at| at.since(now)).filter(|left| *left <= LONGEST_LIFE)
}

pub(super) fn deeper_than(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| deeper_than(item, below)),
        Value::Object(members) => members.values().any(|member| deeper_than(member, below)),
        _ => false,
    }
}
