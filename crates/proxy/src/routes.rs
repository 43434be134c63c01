//! From method and path to the route's settings and the endpoint's name.

use std::sync::Arc;

use http::Method;
use parallelrun_compare::{Rules, RulesSpec};

use crate::settings::{ConfigError, RouteSpec, SnapshotSpec, Writes};
use crate::template::write_template;

/// What holds for one endpoint.
#[derive(Debug)]
pub struct Route {
    pub writes: Option<Writes>,
    pub mirror: bool,
    pub rules: Arc<Rules>,
}

/// One line of `routes:` or one path of the OpenAPI file.
#[derive(Debug)]
struct Candidate {
    method: Option<Method>,
    template: Box<str>,
    /// None: only the template is known.
    route: Option<Arc<Route>>,
}

#[derive(Debug)]
pub struct Routes {
    /// By the shape of the path. Several lines may share a shape and differ in method.
    by_path: matchit::Router<Vec<Candidate>>,
    otherwise: Arc<Route>,
}

impl Routes {
    pub fn compile(spec: &SnapshotSpec) -> Result<Self, ConfigError> {
        let global = compile_rules("compare", &[&spec.compare])?;
        let mut shapes: Vec<(String, Vec<Candidate>)> = Vec::new();
        for (index, route) in spec.routes.iter().enumerate() {
            let place = format!("routes[{index}]");
            let candidate = Candidate {
                method: parse_method(&place, route)?,
                template: route.path.as_str().into(),
                route: Some(Arc::new(Route {
                    writes: route.writes,
                    mirror: route.mirror,
                    rules: match &route.compare {
                        Some(own) => compile_rules(&format!("{place}.compare"), &[&spec.compare, own])?,
                        None => Arc::clone(&global),
                    },
                })),
            };
            add(&mut shapes, &route.path, candidate);
        }
        for template in &spec.templates {
            add(
                &mut shapes,
                template,
                Candidate {
                    method: None,
                    template: template.as_str().into(),
                    route: None,
                },
            );
        }
        let mut by_path = matchit::Router::new();
        for (shape, candidates) in shapes {
            let place = format!("route {}", candidates[0].template);
            by_path
                .insert(shape, candidates)
                .map_err(|e| ConfigError::at(&place, e))?;
        }
        Ok(Self {
            by_path,
            otherwise: Arc::new(Route {
                writes: None,
                mirror: true,
                rules: global,
            }),
        })
    }

    /// The route of a request; appends its path template to `template`.
    pub fn find(&self, method: &Method, path: &str, template: &mut String) -> &Arc<Route> {
        let Ok(found) = self.by_path.at(path) else {
            write_template(path, template);
            return &self.otherwise;
        };
        let matching = |c: &&Candidate| c.method.as_ref().is_none_or(|m| m == method);
        match found.value.iter().find(matching) {
            Some(candidate) => {
                template.push_str(&candidate.template);
                candidate.route.as_ref().unwrap_or(&self.otherwise)
            }
            None => {
                template.push_str(&found.value[0].template); // another method's line: same path, no settings
                &self.otherwise
            }
        }
    }
}

fn compile_rules(place: &str, specs: &[&RulesSpec]) -> Result<Arc<Rules>, ConfigError> {
    Rules::compile(specs)
        .map(Arc::new)
        .map_err(|e| ConfigError::at(place, e))
}

fn parse_method(place: &str, route: &RouteSpec) -> Result<Option<Method>, ConfigError> {
    let parse = |m: &String| {
        m.parse()
            .map_err(|_| ConfigError::at(place, format!("`{m}` is not a method")))
    };
    route.method.as_ref().map(parse).transpose()
}

fn add(shapes: &mut Vec<(String, Vec<Candidate>)>, path: &str, candidate: Candidate) {
    let shape = shape_of(path);
    match shapes.iter_mut().find(|(known, _)| *known == shape) {
        Some((_, candidates)) => candidates.push(candidate),
        None => shapes.push((shape, vec![candidate])),
    }
}

/// The path with its parameters renamed by position: `/a/{id}` and `/a/{key}` are the same shape.
fn shape_of(path: &str) -> String {
    let rename = |(position, segment): (usize, &str)| match segment {
        rest if rest.starts_with("{*") && rest.ends_with('}') => format!("{{*p{position}}}"),
        one if one.starts_with('{') && one.ends_with('}') => format!("{{p{position}}}"),
        literal => literal.to_owned(),
    };
    path.split('/').enumerate().map(rename).collect::<Vec<_>>().join("/")
}
