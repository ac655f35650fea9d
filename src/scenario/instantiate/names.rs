//! What the numbers of a run are called in the drawing. Names of what was removed stay, because the trace has them.

use std::rc::Rc;

use crate::vocabulary::{LinkId, NodeId};

/// Names by number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    nodes: Vec<NodeName>,
    links: Vec<Rc<str>>,
}

/// What a node is called.
#[derive(Clone, Debug)]
struct NodeName {
    id: Rc<str>,
    label: Rc<str>,
    kind: &'static str,
}

impl Names {
    /// The name that is shown for a node; `?` for one that this run has not made.
    pub fn label(&self, node: NodeId) -> &str {
        self.nodes.get(node.0 as usize).map_or("?", |name| &name.label)
    }

    /// The id of a node in the drawing; `?` for one that this run has not made.
    pub fn id(&self, node: NodeId) -> &str {
        self.nodes.get(node.0 as usize).map_or("?", |name| &name.id)
    }

    /// The kind of a node; empty for one that this run has not made.
    pub fn kind(&self, node: NodeId) -> &'static str {
        self.nodes.get(node.0 as usize).map_or("", |name| name.kind)
    }

    /// The id of a link's wire in the drawing; `?` for one that this run has not made.
    pub fn link(&self, link: LinkId) -> &str {
        self.links.get(link.0 as usize).map_or("?", |id| id)
    }

    /// How many nodes have a name; their numbers are the smaller ones.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Names the next node.
    pub(super) fn add_node(&mut self, node: NodeId, id: &str, label: &str, kind: &'static str) {
        debug_assert_eq!(node.0 as usize, self.nodes.len(), "the kernel numbers nodes in the order of their making");
        self.nodes.push(NodeName { id: Rc::from(id), label: Rc::from(label), kind });
    }

    /// Names the next link.
    pub(super) fn add_link(&mut self, link: LinkId, id: &str) {
        debug_assert_eq!(link.0 as usize, self.links.len(), "the kernel numbers links in the order of their making");
        self.links.push(Rc::from(id));
    }

    /// Gives a node another name to show.
    pub(super) fn relabel(&mut self, node: NodeId, label: &str) {
        if let Some(name) = self.nodes.get_mut(node.0 as usize).filter(|name| &*name.label != label) {
            name.label = Rc::from(label);
        }
    }
}
