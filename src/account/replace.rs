//! Whether a login may replace an account's tokens. Programs know the account's name: the person behind it does not
//! change without a confirmation.

use serde_json::{Map, Value};

use crate::oauth::identity::{Comparison, compare};

/// What the user has confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// Nothing: they were not asked.
    No,
    /// That this person's tokens are replaced.
    To(Map<String, Value>),
    /// That anybody's are.
    ToAny,
}

/// What to do with new tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Store them.
    Take(Replaces),
    /// Ask the user first.
    Ask,
}

/// Whose tokens they replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaces {
    /// Nobody's.
    Nothing,
    /// The same person's.
    SamePersons,
    /// Another person's, as confirmed.
    AnotherPersons,
    /// Unknown.
    Unknown,
}

/// `current` is the person of the account's tokens, also where those need a login.
pub(crate) fn decide(current: Option<&Map<String, Value>>, new: &Map<String, Value>, agreed: &Agreed) -> Decision {
    let Some(current) = current else { return Decision::Take(Replaces::Nothing) };
    match (compare(current, new), agreed) {
        (Comparison::Same, _) => Decision::Take(Replaces::SamePersons),
        (Comparison::Unknown, _) => Decision::Take(Replaces::Unknown),
        (Comparison::Different, Agreed::ToAny) => Decision::Take(Replaces::AnotherPersons),
        // They confirmed to replace another person than the current one.
        (Comparison::Different, Agreed::To(whom)) if compare(whom, current) == Comparison::Same => {
            Decision::Take(Replaces::AnotherPersons)
        }
        (Comparison::Different, Agreed::To(_) | Agreed::No) => Decision::Ask,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_known_other_person_is_asked_about_and_an_answer_is_good_for_who_was_named() {
        use Decision::{Ask, Take};
        use Replaces::{AnotherPersons, Nothing, SamePersons, Unknown};
        let of = |number: u64| json!({"voip_id": number}).as_object().cloned().unwrap();
        let (ann, bob, eve, nobody) = (of(1), of(2), of(3), Map::new());
        let to = |whom: &Map<String, Value>| Agreed::To(whom.clone());
        for (current, new, agreed, expected) in [
            (None, &bob, Agreed::No, Take(Nothing)),
            (None, &nobody, Agreed::No, Take(Nothing)),
            (None, &bob, to(&ann), Take(Nothing)),
            (Some(&ann), &ann, Agreed::No, Take(SamePersons)),
            (Some(&ann), &ann, to(&bob), Take(SamePersons)),
            (Some(&ann), &bob, Agreed::No, Ask),
            (Some(&ann), &bob, to(&ann), Take(AnotherPersons)),
            (Some(&ann), &bob, to(&bob), Ask),
            (Some(&eve), &bob, to(&ann), Ask),
            (Some(&ann), &bob, to(&nobody), Ask),
            (Some(&ann), &bob, Agreed::ToAny, Take(AnotherPersons)),
            (Some(&nobody), &bob, Agreed::No, Take(Unknown)),
            (Some(&ann), &nobody, Agreed::No, Take(Unknown)),
            (Some(&nobody), &nobody, Agreed::No, Take(Unknown)),
            (Some(&ann), &nobody, Agreed::ToAny, Take(Unknown)),
        ] {
            assert_eq!(decide(current, new, &agreed), expected, "{current:?} {new:?} {agreed:?}");
        }
    }
}
