//! Consent questions: waiting callers, answers and remembered decisions.

use super::*;
use crate::clock::{Clock, Wall};

const PATIENCE: Duration = Duration::from_secs(60);

fn fresh() -> (Consents, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap().keep().join("state");
    (Consents::open(&folder).unwrap(), folder)
}

fn editor() -> Requester {
    Requester::Program("/usr/bin/editor".into())
}

/// Asks for consent in a background task.
fn asks(
    consents: &Consents,
    asker: Requester,
    account: &'static str,
    clock: &Clock,
) -> tokio::task::JoinHandle<Result<(), ConsentRefused>> {
    let (consents, now) = (consents.clone(), clock.now());
    tokio::spawn(async move { consents.permit((&asker, Some(7)), account, PATIENCE, now).await })
}

async fn first_question(consents: &Consents) -> ConsentQuestion {
    tokio::time::sleep(Duration::from_millis(1)).await;
    consents.pending().first().cloned().expect("a question")
}

#[tokio::test(start_paused = true)]
async fn the_first_fetch_waits_others_join_it_and_the_answer_outlives_the_daemon() {
    let (consents, folder) = fresh();
    let clock = Clock::virtual_at(Wall(0));
    for (answer, first, later) in
        [(ConsentDecision::Once, Ok(()), None), (ConsentDecision::Allow, Ok(()), Some(Ok(())))]
    {
        let (one, two) = (asks(&consents, editor(), "work", &clock), asks(&consents, editor(), "work", &clock));
        let question = first_question(&consents).await;
        assert_eq!(consents.pending().len(), 1, "the second joined");
        assert_eq!((question.pid, question.ends()), (Some(7), question.asked.boot.plus(STANDS)));
        assert!(consents.answer("999", answer).unwrap().is_none());
        assert_eq!(consents.answer(&question.id, answer).unwrap().unwrap().account, "work");
        assert_eq!((one.await.unwrap(), two.await.unwrap()), (first, first), "{answer:?}");
        let remembered =
            consents.remembered().first().map(|known| if known.allowed { Ok(()) } else { Err(ConsentRefused::ByUser) });
        assert_eq!(remembered, later, "{answer:?}");
    }
    let again = Consents::open(&folder).unwrap();
    assert_eq!(again.permit((&editor(), None), "work", PATIENCE, clock.now()).await, Ok(()));
    let other = asks(&again, editor(), "home", &clock);
    let question = first_question(&again).await;
    again.answer(&question.id, ConsentDecision::Refuse).unwrap();
    assert_eq!(other.await.unwrap(), Err(ConsentRefused::ByUser));
    assert_eq!(
        again.permit((&editor(), None), "home", PATIENCE, clock.now()).await,
        Err(ConsentRefused::ByUser),
        "at once"
    );
    let id = again.remembered().into_iter().find(|known| known.account == "home").unwrap().id;
    assert!(again.forget(&id).unwrap() && !again.forget(&id).unwrap());
    assert_eq!(again.remembered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_number_and_the_rate_of_questions_are_limited() {
    let (consents, _) = fresh();
    let clock = Clock::virtual_at(Wall(0));
    assert_eq!(
        consents.permit((&editor(), None), "work", PATIENCE, clock.now()).await,
        Err(ConsentRefused::Unanswered)
    );
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(consents.pending().is_empty());
    let begun = clock.now();
    assert_eq!(consents.permit((&editor(), None), "work", PATIENCE, begun).await, Err(ConsentRefused::Unanswered));
    assert_eq!(clock.now(), begun, "refused at once: the same question is not asked again so soon");
    clock.jump_wall(86_400_000);
    assert_eq!(
        consents.permit((&editor(), None), "work", PATIENCE, clock.now()).await,
        Err(ConsentRefused::Unanswered)
    );
    assert_eq!(clock.now().boot, begun.boot, "nor after the wall clock was set");
    clock.jump_wall(-2 * 86_400_000);
    tokio::time::sleep(QUIET).await;
    let many: Vec<_> =
        (0..MOST_PENDING).map(|n| asks(&consents, Requester::Program(format!("/bin/{n}")), "work", &clock)).collect();
    first_question(&consents).await;
    assert_eq!(consents.permit((&editor(), None), "work", PATIENCE, clock.now()).await, Err(ConsentRefused::TooMany));
    for waiting in many {
        waiting.abort();
        _ = waiting.await;
    }
    assert_eq!(consents.pending().len(), MOST_PENDING, "the questions of callers that hung up can still be answered");
    let question = consents.pending().remove(3);
    consents.answer(&question.id, ConsentDecision::Allow).unwrap();
    assert_eq!(consents.permit((&question.asker, None), "work", Duration::ZERO, clock.now()).await, Ok(()));
    tokio::time::sleep(STANDS + Duration::from_millis(1)).await;
    assert!(consents.pending().is_empty(), "the others have expired");
}

#[tokio::test(start_paused = true)]
async fn no_app_can_use_up_all_pending_questions() {
    let (consents, _) = fresh();
    let clock = Clock::virtual_at(Wall(0));
    let _asked: Vec<_> = (0..MOST_PENDING)
        .map(|n| asks(&consents, editor(), Box::leak(format!("a{n}").into_boxed_str()), &clock))
        .collect();
    first_question(&consents).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(consents.pending().len(), MOST_PENDING / 2);
    let _other = asks(&consents, Requester::App("other".into()), "work", &clock);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(consents.pending().iter().any(|question| question.asker == Requester::App("other".into())));
}

#[tokio::test(start_paused = true)]
async fn unknown_callers_are_asked_about_each_time_and_a_removed_app_is_forgotten() {
    let (consents, _) = fresh();
    let clock = Clock::virtual_at(Wall(0));
    let (one, two) =
        (asks(&consents, Requester::Unknown, "work", &clock), asks(&consents, Requester::Unknown, "work", &clock));
    first_question(&consents).await;
    let questions = consents.pending();
    assert_eq!(questions.len(), 2);
    consents.answer(&questions[0].id, ConsentDecision::Allow).unwrap();
    consents.answer(&questions[1].id, ConsentDecision::Refuse).unwrap();
    assert_eq!((one.await.unwrap(), two.await.unwrap()), (Ok(()), Err(ConsentRefused::ByUser)));
    assert!(consents.remembered().is_empty());
    let app = asks(&consents, Requester::App("editor".into()), "work", &clock);
    let question = first_question(&consents).await;
    consents.answer(&question.id, ConsentDecision::Allow).unwrap();
    assert_eq!(app.await.unwrap(), Ok(()));
    assert!(consents.forget_app("editor").unwrap() && consents.remembered().is_empty());
}
