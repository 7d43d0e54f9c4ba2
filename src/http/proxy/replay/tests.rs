use super::*;

async fn sent(length: usize, budget: &ReplayBudget) -> Arc<SentBody> {
    let (body, sent) = KeptBody::new(Body::from(vec![b'x'; length]), budget);
    assert_eq!(body.size_hint().exact(), Some(length as u64));
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), length);
    sent
}

fn kept(budget: &ReplayBudget) -> usize {
    budget.0.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_small_body_is_kept_whole_and_a_large_one_not_at_all() {
    let budget = ReplayBudget::default();
    for (length, is_kept) in [(0, true), (5, true), (LARGEST, true), (LARGEST + 1, false)] {
        let body = sent(length, &budget).await;
        assert_eq!(kept(&budget), if is_kept { length } else { 0 });
        assert_eq!(body.take_whole().map(|bytes| bytes.len()), is_kept.then_some(length));
        assert_eq!((body.bytes(), kept(&budget), body.take_whole()), (length as u64, 0, None));
    }
}

#[tokio::test]
async fn no_more_is_kept_than_all_may_have() {
    let budget = ReplayBudget::default();
    let mut bodies = Vec::new();
    for _ in 0..ALL / LARGEST {
        bodies.push(sent(LARGEST, &budget).await);
    }
    assert!(sent(1, &budget).await.take_whole().is_none(), "there is no room");
    bodies.pop();
    assert!(sent(1, &budget).await.take_whole().is_some());
    drop(bodies);
    assert_eq!(kept(&budget), 0);
}

#[tokio::test]
async fn a_body_is_kept_before_it_is_sent_if_it_is_small_and_there_is_room() {
    let budget = ReplayBudget::default();
    let patient = Duration::from_secs(60);
    let read = keep(Body::from("x"), &budget, patient).await.unwrap();
    assert_eq!((read.copy().as_deref(), read.look(<[u8]>::len), read.bytes()), (Some(&b"x"[..]), 1, 1));
    assert!(read.take_whole().is_some(), "as it is after sending");
    let chunks = |count: usize| {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1024]));
        Body::from_stream(futures_util::stream::iter((0..count).map(move |_| chunk())))
    };
    assert_eq!(keep(Body::from(vec![b'x'; LARGEST + 1]), &budget, patient).await.unwrap_err(), NotKept::TooLarge);
    assert_eq!(
        keep(chunks(1025), &budget, patient).await.unwrap_err(),
        NotKept::TooLarge,
        "whose length nobody announced"
    );
    let broken = futures_util::stream::iter([Ok(Bytes::from("x")), Err(std::io::Error::other("gone"))]);
    assert_eq!(keep(Body::from_stream(broken), &budget, patient).await.unwrap_err(), NotKept::BrokenOff);
    let mut held = Vec::new();
    for _ in 0..ALL / LARGEST {
        held.push(keep(chunks(1024), &budget, patient).await.unwrap());
    }
    assert_eq!(keep(Body::from("x"), &budget, patient).await.unwrap_err(), NotKept::NoRoom);
    drop(held);
    assert_eq!(kept(&budget), 0);
    let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let slow = keep(never, &budget, Duration::ZERO).await;
    assert_eq!(slow.unwrap_err(), NotKept::TooSlow);
}

#[tokio::test]
async fn a_body_that_is_not_all_sent_is_not_whole() {
    let (_body, sent) = KeptBody::new(Body::from("x"), &ReplayBudget::default());
    assert!(sent.take_whole().is_none());
}

#[tokio::test]
async fn trailers_are_dropped() {
    let trailers = [("authorization".parse().unwrap(), "x".parse().unwrap())].into_iter().collect();
    let body = Body::new(http_body_util::Full::new(Bytes::from("x")).with_trailers(async { Some(Ok(trailers)) }));
    let (body, sent) = KeptBody::new(body, &ReplayBudget::default());
    let whole = body.collect().await.unwrap();
    assert!(whole.trailers().is_none() && whole.to_bytes() == "x" && sent.take_whole().is_some());
}

#[tokio::test]
async fn the_rest_of_a_body_that_nobody_sends_is_kept_too() {
    let chunks = |last: Result<Bytes, std::io::Error>| {
        let parts = [Ok(Bytes::from("a")), Ok(Bytes::from("b")), last];
        KeptBody::new(Body::from_stream(futures_util::stream::iter(parts)), &ReplayBudget::default())
    };
    let patient = Duration::from_secs(60);
    for taken in 0..=2 {
        let (mut body, sent) = chunks(Ok(Bytes::from("c")));
        for _ in 0..taken {
            body.frame().await.unwrap().unwrap();
        }
        let (whole, ()) = tokio::join!(sent.arrived(patient), async { drop(body) });
        assert_eq!(whole.as_deref().map(Vec::as_slice), Some(&b"abc"[..]), "{taken}");
    }
    let (body, sent) = chunks(Err(std::io::Error::other("gone")));
    drop(body);
    assert!(sent.arrived(patient).await.is_none() && sent.is_broken());
    let (body, sent) = chunks(Ok(Bytes::from("c")));
    assert!(sent.arrived(Duration::ZERO).await.is_none(), "it is still on its way");
    drop(body);
    assert!(sent.rest().is_none(), "nobody wants it any more");
}
