//! A tidy arrangement of a document: columns from left to right along the wires, few crossings, hosts in bands of their own.
//!
//! After Sugiyama, Tagawa and Toda (1981), cut down to what small drawings need: wires that close a circle are ignored,
//! columns by the longest way from a source, order by the mean place of the neighbours, no dummy nodes for long wires.

use crate::scenario::document::{Document, Wire};
use crate::vocabulary::order::{sort_by, sort_by_key};
use crate::vocabulary::{FlatMap, FlatSet};

use super::geometry::{outline, size, snap, Outline, Point, FRAME_PADDING, TITLE_HEIGHT};

/// Between two columns: room for a wire's curve and for what moves on it.
const COLUMN_GAP: f64 = 108.0;
/// Between two nodes of a column.
const ROW_GAP: f64 = 40.0;
/// Rounds of ordering; more hardly change a drawing.
const ROUNDS: usize = 6;

/// The graph with small numbers for names.
struct Graph {
    /// Numbers in the document of the nodes that are placed: all but enclosures with members.
    nodes: Vec<usize>,
    out: Vec<Vec<usize>>,
    into: Vec<Vec<usize>>,
    /// The band of each node: members of one host lie in one band. 0: no band.
    band: Vec<usize>,
    column: Vec<usize>,
}

/// A place for every node, on the grid, by its id. The same document always gives the same places.
pub fn tidy_layout(document: &Document) -> Vec<(String, Point)> {
    let graph = graph(document);
    let columns = order(&graph);
    let rows = rows(document, &graph, &columns);
    let mut places = vec![(0.0, 0.0); document.nodes.len()];
    let mut left = 0.0;
    for column in &columns {
        let width = column.iter().map(|node| size(&document.nodes[graph.nodes[*node]].kind).0).fold(0.0, f64::max);
        for node in column {
            places[graph.nodes[*node]] = snap((left + width / 2.0, rows[*node]));
        }
        left += width + COLUMN_GAP;
    }
    document.nodes.iter().zip(places).map(|(node, place)| (node.id.clone(), place)).collect()
}

fn graph(document: &Document) -> Graph {
    let index: FlatMap<&str, usize> =
        document.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), number)).collect();
    let host = |number: usize| document.nodes[number].host.as_deref().and_then(|host| index.get(host)).copied();
    let mut has_members = vec![false; document.nodes.len()];
    (0..document.nodes.len()).filter_map(host).for_each(|host| has_members[host] = true);
    let placed =
        |number: &usize| !(has_members[*number] && outline(&document.nodes[*number].kind) == Outline::Enclosure);
    let nodes: Vec<usize> = (0..document.nodes.len()).filter(placed).collect();
    let mut position: Vec<Option<usize>> = vec![None; document.nodes.len()];
    nodes.iter().enumerate().for_each(|(place, number)| position[*number] = Some(place));
    let count = nodes.len();
    let mut graph = Graph {
        out: vec![Vec::new(); count],
        into: vec![Vec::new(); count],
        band: vec![0; count],
        column: vec![0; count],
        nodes,
    };
    for wire in &document.wires {
        let end = |end: &str| position[*index.get(Wire::node_of(end))?];
        if let (Some(from), Some(to)) = (end(&wire.from), end(&wire.to)) {
            if from != to && !graph.out[from].contains(&to) {
                graph.out[from].push(to);
                graph.into[to].push(from);
            }
        }
    }
    break_circles(&mut graph);
    set_columns(document, &mut graph);
    let hosts: Vec<Option<usize>> = graph.nodes.iter().map(|number| host(*number)).collect();
    set_bands(&mut graph, &hosts);
    graph
}

/// A band for each host; one more for those without a host that stand in a column with members, so that no frame holds them.
fn set_bands(graph: &mut Graph, hosts: &[Option<usize>]) {
    let mut bands: FlatMap<usize, usize> = FlatMap::new();
    let mut hosting: FlatSet<usize> = FlatSet::new();
    for (node, host) in hosts.iter().enumerate() {
        if let Some(host) = host {
            let next = bands.len() + 1;
            graph.band[node] = *bands.get_or_insert_with(*host, || next);
            hosting.insert(graph.column[node]);
        }
    }
    for (node, host) in hosts.iter().enumerate() {
        if host.is_none() && hosting.contains(&graph.column[node]) {
            graph.band[node] = bands.len() + 1;
        }
    }
}

/// Takes out the wires that lead back to a node on the way to them. Walks with a stack of its own: chains may be long.
fn break_circles(graph: &mut Graph) {
    let count = graph.nodes.len();
    let mut state = vec![0u8; count];
    for start in 0..count {
        let mut stack = if state[start] == 0 { vec![(start, 0)] } else { Vec::new() };
        while let Some((node, next)) = stack.pop() {
            state[node] = 1;
            match graph.out[node].get(next).copied() {
                Some(to) if state[to] == 1 => {
                    graph.out[node].remove(next);
                    graph.into[to].retain(|from| *from != node);
                    stack.push((node, next));
                }
                Some(to) => {
                    stack.push((node, next + 1));
                    if state[to] == 0 {
                        stack.push((to, 0));
                    }
                }
                None => state[node] = 2,
            }
        }
    }
}

/// Each node one column after the last that sends to it; those that only take stand at the far right.
fn set_columns(document: &Document, graph: &mut Graph) {
    let count = graph.nodes.len();
    let mut waiting: Vec<usize> = graph.into.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in graph.out[node].clone() {
            graph.column[to] = graph.column[to].max(graph.column[node] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.push(to);
            }
        }
    }
    let last = graph.column.iter().copied().max().unwrap_or(0);
    for node in 0..count {
        let kind = outline(&document.nodes[graph.nodes[node]].kind);
        if kind == Outline::PointsLeft {
            graph.column[node] = last.max(1);
        } else if kind == Outline::PointsRight {
            let nearest = graph.out[node].iter().map(|to| graph.column[*to]).min().unwrap_or(1);
            graph.column[node] = nearest.saturating_sub(1).min(graph.column[node].max(nearest.saturating_sub(1)));
        } else if graph.out[node].is_empty() && graph.into[node].is_empty() {
            // A part that nothing is joined to: a queue in the making stands among the queues.
            graph.column[node] = usize::from(kind == Outline::Box) + 1;
        }
    }
}

/// The nodes of each column from top to bottom: by band, then by the mean place of their neighbours.
fn order(graph: &Graph) -> Vec<Vec<usize>> {
    let last = graph.column.iter().copied().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); last];
    (0..graph.nodes.len()).for_each(|node| columns[graph.column[node]].push(node));
    let mut place: Vec<f64> = vec![0.0; graph.nodes.len()];
    for column in &mut columns {
        sort_by_key(column, |node| graph.band[*node]);
        note_places(column, &mut place);
    }
    let mut keys = place.clone();
    for round in 0..ROUNDS {
        let forward = round % 2 == 0;
        let count = columns.len();
        for step in 0..count {
            let column = &mut columns[if forward { step } else { count - 1 - step }];
            let neighbours = if forward { &graph.into } else { &graph.out };
            let key = |node: usize| mean(neighbours[node].iter().map(|other| place[*other])).unwrap_or(place[node]);
            column.iter().for_each(|node| keys[*node] = key(*node));
            // A column has either no bands or nothing but bands, so this is a total order.
            sort_by(column, |a, b| {
                graph.band[*a].cmp(&graph.band[*b]).then(keys[*a].total_cmp(&keys[*b])).then(a.cmp(b))
            });
            note_places(column, &mut place);
        }
    }
    columns
}

fn note_places(column: &[usize], place: &mut [f64]) {
    for (row, node) in column.iter().enumerate() {
        place[*node] = (row as f64 + 0.5) / column.len() as f64;
    }
}

/// The height of each node's centre. Starts with columns about a common middle, then draws nodes towards their neighbours.
fn rows(document: &Document, graph: &Graph, columns: &[Vec<usize>]) -> Vec<f64> {
    let height = |node: usize| size(&document.nodes[graph.nodes[node]].kind).1;
    let mut rows = vec![0.0; graph.nodes.len()];
    let limits = band_limits(graph, columns, &height);
    for column in columns {
        let total: f64 = column.iter().map(|node| height(*node) + ROW_GAP).sum();
        let mut free = -total / 2.0;
        for node in column {
            rows[*node] = free + height(*node) / 2.0;
            free += height(*node) + ROW_GAP;
        }
    }
    for round in 0..ROUNDS {
        for step in 0..columns.len() {
            let column = &columns[if round % 2 == 0 { step } else { columns.len() - 1 - step }];
            settle(graph, column, &height, &limits, &mut rows);
        }
    }
    rows
}

/// Moves the nodes of a column towards their neighbours, without overlaps, in their order, and inside their bands.
fn settle(
    graph: &Graph,
    column: &[usize],
    height: &dyn Fn(usize) -> f64,
    limits: &[Option<(f64, f64)>],
    rows: &mut [f64],
) {
    let wanted: Vec<f64> = column
        .iter()
        .map(|node| {
            mean(graph.into[*node].iter().chain(&graph.out[*node]).map(|other| rows[*other])).unwrap_or(rows[*node])
        })
        .collect();
    // The room that those below in the same band still need, from the last one up.
    let mut needed = vec![0.0; column.len()];
    for index in (0..column.len().saturating_sub(1)).rev() {
        let (node, below) = (column[index], column[index + 1]);
        if graph.band[node] == graph.band[below] {
            needed[index] = needed[index + 1] + height(below) + ROW_GAP;
        }
    }
    let mut floor = f64::NEG_INFINITY;
    let mut placed: Vec<f64> = Vec::with_capacity(column.len());
    for (index, node) in column.iter().enumerate() {
        let half = height(*node) / 2.0;
        let row = match limits[graph.band[*node]] {
            Some((top, bottom)) => {
                let low = floor.max(top) + half;
                wanted[index].min(bottom - needed[index] - half).max(low)
            }
            None => wanted[index].max(floor + half),
        };
        placed.push(row);
        floor = row + half + ROW_GAP;
    }
    // What was pushed down comes up again as a whole, where no band holds it.
    let bounded = column.iter().any(|node| limits[graph.band[*node]].is_some());
    let push = mean(placed.iter().zip(&wanted).map(|(row, want)| row - want)).filter(|_| !bounded).unwrap_or(0.0);
    for (node, row) in column.iter().zip(placed) {
        rows[*node] = row - push;
    }
}

/// The upper and lower edge of each band, such that no two frames share a height. A single band has no need of limits.
fn band_limits(graph: &Graph, columns: &[Vec<usize>], height: &dyn Fn(usize) -> f64) -> Vec<Option<(f64, f64)>> {
    let count = graph.band.iter().copied().max().unwrap_or(0);
    if count <= 1 {
        return vec![None; count + 1];
    }
    let mut tall = vec![0.0f64; count + 1];
    for column in columns {
        let mut sums = vec![0.0; count + 1];
        column.iter().for_each(|node| sums[graph.band[*node]] += height(*node) + ROW_GAP);
        tall.iter_mut().zip(sums).for_each(|(tallest, sum)| *tallest = tallest.max(sum));
    }
    let between = 2.0 * FRAME_PADDING + TITLE_HEIGHT;
    let all: f64 = tall.iter().skip(1).map(|band| band + between).sum();
    let mut top = -all / 2.0;
    let mut limits = vec![None];
    for band in tall.iter().skip(1) {
        limits.push(Some((top, top + band - ROW_GAP)));
        top += band + between;
    }
    limits
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Frame;
    use super::*;
    use crate::scenario::document::Node;

    fn document(nodes: &[(&str, &str, &str)], wires: &[(&str, &str)]) -> Document {
        Document {
            nodes: nodes
                .iter()
                .map(|(id, kind, host)| Node {
                    id: (*id).into(),
                    kind: (*kind).into(),
                    name: String::new(),
                    host: (!host.is_empty()).then(|| (*host).into()),
                    at: (0.0, 0.0),
                    params: Default::default(),
                })
                .collect(),
            wires: wires
                .iter()
                .enumerate()
                .map(|(n, (from, to))| Wire {
                    id: format!("w{n}"),
                    from: (*from).into(),
                    to: (*to).into(),
                    params: Default::default(),
                })
                .collect(),
            ..Document::default()
        }
    }

    fn shop() -> Document {
        document(
            &[
                ("b", "broker", ""),
                ("p", "producer", ""),
                ("x", "exchange", "b"),
                ("q1", "queue", "b"),
                ("q2", "queue", "b"),
                ("c1", "consumer", ""),
                ("c2", "consumer", ""),
                ("c3", "consumer", ""),
            ],
            &[("p", "x"), ("x", "q1"), ("x", "q2"), ("q1", "c1"), ("q1", "c2"), ("q2", "c3")],
        )
    }

    fn overlapping(document: &Document, places: &[(String, Point)]) -> bool {
        let frames: Vec<Frame> = document
            .nodes
            .iter()
            .zip(places)
            .filter(|(node, _)| node.kind != "broker")
            .map(|(node, (_, place))| Frame::about(*place, size(&node.kind)))
            .collect();
        (0..frames.len()).any(|a| (0..a).any(|b| frames[a].overlaps(&frames[b])))
    }

    #[test]
    fn wires_run_to_the_right_and_nodes_do_not_overlap() {
        let document = shop();
        let places = tidy_layout(&document);
        let x = |id: &str| places.iter().find(|(name, _)| name == id).map_or(0.0, |(_, place)| place.0);
        assert!(document.wires.iter().all(|wire| x(&wire.from) < x(&wire.to)), "{places:?}");
        assert!(!overlapping(&document, &places), "{places:?}");
        assert!(places.iter().all(|(_, place)| snap(*place) == *place));
        assert_eq!(places, tidy_layout(&document), "the same document, the same places");
    }

    #[test]
    fn frames_of_two_hosts_do_not_overlap() {
        let mut document = document(
            &[
                ("m", "broker", ""),
                ("n", "broker", ""),
                ("p", "producer", ""),
                ("x", "exchange", "m"),
                ("y", "exchange", "n"),
                ("q1", "queue", "n"),
                ("q2", "queue", "m"),
                ("q3", "queue", "n"),
                ("q4", "queue", ""),
                ("c", "consumer", ""),
            ],
            &[
                ("p", "x"),
                ("p", "y"),
                ("x", "q2"),
                ("y", "q1"),
                ("y", "q3"),
                ("p", "q4"),
                ("q1", "c"),
                ("q2", "c"),
                ("q4", "c"),
            ],
        );
        let places = tidy_layout(&document);
        document.nodes.iter_mut().zip(&places).for_each(|(node, (_, place))| node.at = *place);
        let layout = super::super::layout::Layout::of(&document);
        let frame = |id: &str| *layout.frame(id).unwrap_or_else(|| panic!("{id} has a frame"));
        assert!(!frame("m").overlaps(&frame("n")), "{places:?}");
        assert!(["q1", "q4", "c", "p"].iter().all(|id| !frame("m").overlaps(&frame(id))), "{places:?}");
        assert!(!overlapping(&document, &places), "{places:?}");
    }

    #[test]
    fn circles_and_loops_end() {
        let document = document(
            &[("a", "exchange", ""), ("b", "exchange", ""), ("c", "queue", ""), ("d", "thing", "")],
            &[("a", "b"), ("b", "a"), ("a", "a"), ("b", "c"), ("c", "a"), ("c", "nowhere"), ("d", "d")],
        );
        let places = tidy_layout(&document);
        assert_eq!(places.len(), 4);
        assert!(!overlapping(&document, &places), "{places:?}");
    }

    #[test]
    fn a_long_chain_does_not_exhaust_the_stack() {
        let names: Vec<String> = (0..5000).map(|n| format!("n{n}")).collect();
        let nodes: Vec<(&str, &str, &str)> = names.iter().map(|name| (name.as_str(), "exchange", "")).collect();
        let wires: Vec<(&str, &str)> = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
        assert_eq!(tidy_layout(&document(&nodes, &wires)).len(), 5000);
        assert!(tidy_layout(&Document::default()).is_empty());
    }
}
