use super::endpoint_template;

#[test]
fn values_become_placeholders() {
    for (path, template) in [
        ("/orders/42", "/orders/{id}"),
        ("/orders/43/items/7", "/orders/{id}/items/{id}"),
        ("/temp/-3.5", "/temp/{id}"),
        ("/u/6f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c", "/u/{uuid}"),
        ("/blob/9f86d081884c7d659a2feaa0c55ad015", "/blob/{hash}"),
        ("/c/da39a3ee", "/c/{hash}"),
        ("/orders/42.json", "/orders/{id}.json"),
        ("/day/2026-11-24", "/day/{date}"),
        ("/day/2026-11-24T10:00:00Z", "/day/{date}"),
        ("/k/01HZX3V5Q8R9T2W4Y6A7B8C9D0", "/k/{token}"),
        ("/order/ord-1042", "/order/{id}"),
        ("/order/ord_8f3k2", "/order/{id}"),
    ] {
        assert_eq!(endpoint_template(path), template, "{path}");
    }
}

#[test]
fn names_stay() {
    for path in [
        "/",
        "",
        "/orders",
        "/v2/orders",
        "/api/v1/search",
        "/oauth2/token",
        "/blue-shirt",
        "/deadbeef",
        "/feedface",
        "/a//b",
        "/x/",
        "/getting-started-with-1-thing",
        "/jquery-3.min.js",
        "/index.html",
    ] {
        assert_eq!(endpoint_template(path), path);
    }
}

#[test]
fn a_template_has_a_longest_length() {
    let long = format!("/{}", "é/".repeat(1000));
    assert!(endpoint_template(&long).len() <= 204);
}
