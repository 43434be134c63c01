//! From method and path to the route's settings and the endpoint's name.

use std::collections::HashSet;
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
    /// The new side's answers are held until they have proved equal.
    pub verify: bool,
    pub rules: Arc<Rules>,
}

/// One line of `routes:` as it holds for one method, or one path of the OpenAPI file, which has no settings.
#[derive(Debug, Clone)]
struct Line {
    template: Arc<str>,
    route: Option<Arc<Route>>,
}

#[derive(Debug)]
pub struct Routes {
    /// For the methods that lines name. Each has all lines that hold for it, so that another method's cannot hide one.
    by_method: Vec<(Method, Table)>,
    /// For all other methods.
    otherwise: Table,
    unnamed: Arc<Route>,
}

/// The lines that hold for one method. The most specific path wins; for the same path the line for the method alone, then
/// the first.
#[derive(Debug, Default)]
struct Table {
    names: Paths<Line>,
    /// The same without those that only give a name: they must not hide a broader line with settings.
    settings: Paths<Arc<Route>>,
}

/// Values by path. A path that ends in `{*rest}` holds where no other does, so it may overlap with others.
#[derive(Debug)]
struct Paths<T> {
    whole: matchit::Router<T>,
    open_ended: matchit::Router<T>,
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self {
            whole: matchit::Router::new(),
            open_ended: matchit::Router::new(),
        }
    }
}

impl<T> Paths<T> {
    fn insert(&mut self, shape: String, value: T) -> Result<(), matchit::InsertError> {
        let router = if shape.contains("{*") {
            &mut self.open_ended
        } else {
            &mut self.whole
        };
        router.insert(shape, value)
    }

    fn at(&self, path: &str) -> Option<&T> {
        let found = self.whole.at(path).or_else(|_| self.open_ended.at(path));
        found.ok().map(|found| found.value)
    }
}

/// What the config says about a request.
pub struct Found<'a> {
    pub route: &'a Arc<Route>,
    /// The config, not the client, made up the endpoint's name.
    pub configured: bool,
}

impl Routes {
    pub fn compile(spec: &SnapshotSpec) -> Result<Self, ConfigError> {
        let global = compile_rules("compare", &[&spec.compare])?;
        let mut lines: Vec<(Option<Method>, Line)> = Vec::new();
        for (index, route) in spec.routes.iter().enumerate() {
            let place = format!("routes[{index}]");
            let rules = match &route.compare {
                Some(own) => compile_rules(&format!("{place}.compare"), &[&spec.compare, own])?,
                None => Arc::clone(&global),
            };
            let line = Line {
                template: route.path.as_str().into(),
                route: Some(Arc::new(Route {
                    writes: route.writes,
                    mirror: route.mirror,
                    verify: route.verify.unwrap_or(spec.verify.everywhere),
                    rules,
                })),
            };
            lines.push((parse_method(&place, route)?, line));
        }
        lines.sort_by_key(|(method, _)| method.is_none()); // stable: of those for one method the first stays first
        lines.extend(spec.templates.iter().map(|template| {
            let line = Line {
                template: template.as_str().into(),
                route: None,
            };
            (None, line)
        }));
        let mut methods: Vec<Method> = lines.iter().filter_map(|(method, _)| method.clone()).collect();
        methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        methods.dedup();
        let by_method = methods
            .into_iter()
            .map(|method| Ok((method.clone(), Table::compile(&lines, Some(&method))?)))
            .collect::<Result<_, ConfigError>>()?;
        Ok(Self {
            by_method,
            otherwise: Table::compile(&lines, None)?,
            unnamed: Arc::new(Route {
                writes: None,
                mirror: true,
                verify: spec.verify.everywhere,
                rules: global,
            }),
        })
    }

    /// The route of a request; appends its path template to `template`.
    pub fn find(&self, method: &Method, path: &str, template: &mut String) -> Found<'_> {
        let named = self.by_method.iter().find(|(m, _)| m == method);
        let table = named.map_or(&self.otherwise, |(_, table)| table);
        let Some(line) = table.names.at(path) else {
            write_template(path, template);
            return Found {
                route: &self.unnamed,
                configured: false,
            };
        };
        template.push_str(&line.template);
        let broader = || table.settings.at(path);
        Found {
            route: line.route.as_ref().or_else(broader).unwrap_or(&self.unnamed),
            configured: true,
        }
    }
}

impl Table {
    fn compile(lines: &[(Option<Method>, Line)], method: Option<&Method>) -> Result<Self, ConfigError> {
        let mut table = Self::default();
        let mut known: HashSet<String> = HashSet::new();
        for (of, line) in lines {
            let shape = shape_of(&line.template);
            if (of.is_some() && of.as_ref() != method) || !known.insert(shape.clone()) {
                continue;
            }
            let refused = |e| ConfigError::at(&format!("route {}", line.template), e);
            if let Some(route) = &line.route {
                table
                    .settings
                    .insert(shape.clone(), Arc::clone(route))
                    .map_err(refused)?;
            }
            table.names.insert(shape, line.clone()).map_err(refused)?;
        }
        Ok(table)
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

/// The path with its parameters renamed by position: `/a/{id}` and `/a/{key}` are the same shape.
fn shape_of(path: &str) -> String {
    let rename = |(position, segment): (usize, &str)| match segment {
        rest if rest.starts_with("{*") && rest.ends_with('}') => format!("{{*p{position}}}"),
        one => match one.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some((_, ending)) => format!("{{p{position}}}{ending}"),
            None => one.to_owned(),
        },
    };
    path.split('/').enumerate().map(rename).collect::<Vec<_>>().join("/")
}
