//! A user with a browser.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

fn client() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

async fn get(url: &str, cookie: &str) -> Response {
    client().get(url).header("cookie", cookie).send().await.unwrap()
}

/// Reads the page that asks for consent, answers it, and tells where that leads. `decision` is `yes` or `no`.
pub(crate) async fn decide(url: &str, decision: &str) -> String {
    let page = get(url, "session=ada").await;
    assert_eq!(page.status(), 200, "{}", page.text().await.unwrap());
    let redirect = get(url, &format!("session=ada; consent={decision}")).await;
    assert!(redirect.status().is_redirection());
    redirect.headers()["location"].to_str().unwrap().to_owned()
}

/// Goes where the answer leads: the page and its status.
pub(crate) async fn follow(url: &str) -> (u16, String) {
    let page = get(url, "").await;
    (page.status().as_u16(), page.text().await.unwrap())
}

/// Consents, and comes back to the gateway.
pub(crate) async fn consent(url: &str) -> String {
    let (status, page) = follow(&decide(url, "yes").await).await;
    assert_eq!(status, 200, "{page}");
    page
}

/// A URL with another value for a parameter, or without it.
pub(crate) fn with_parameter(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = url::Url::parse(url).unwrap();
    let kept: Vec<(String, String)> =
        url.query_pairs().filter(|(known, _)| known != name).map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
    url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(value.map(|value| (name, value)));
    url.into()
}

/// A parameter of a URL.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    url::Url::parse(url).unwrap().query_pairs().find_map(|(known, value)| (known == name).then(|| value.into_owned()))
}
