package page

import (
	"fmt"
	"html/template"
	"text/template/parse"
)

// spell writes the sentences that a page asks for by name, {{t "login.title"}}, into
// the page itself, once for all the times that it is shown: most of a page is that,
// and a call costs a template far more than text. Nobody may be able to slow the
// gateway down by having it show the same page a thousand times.
func (p *Renderer) spell(t *template.Template, locale string) error {
	for _, one := range t.Templates() {
		if one.Tree == nil {
			continue
		}
		if err := p.spellList(one.Tree.Root, locale); err != nil {
			return fmt.Errorf("%s: %w", one.Name(), err)
		}
	}
	return nil
}

func (p *Renderer) spellList(list *parse.ListNode, locale string) error {
	if list == nil {
		return nil
	}
	for i, node := range list.Nodes {
		var branch *parse.BranchNode
		switch n := node.(type) {
		case *parse.ActionNode:
			id, ok := sentenceAsked(n.Pipe)
			if !ok {
				continue
			}
			if !p.words.has(locale, id) {
				return fmt.Errorf("words of %s have no %q", locale, id)
			}
			// Escaped for text and for attributes in quotes, which are the only
			// places where sentences stand.
			text := template.HTMLEscapeString(p.words.text(locale, id))
			list.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(text)}
			continue
		case *parse.IfNode:
			branch = &n.BranchNode
		case *parse.RangeNode:
			branch = &n.BranchNode
		case *parse.WithNode:
			branch = &n.BranchNode
		default:
			continue
		}
		if err := p.spellList(branch.List, locale); err != nil {
			return err
		}
		if err := p.spellList(branch.ElseList, locale); err != nil {
			return err
		}
	}
	return nil
}

// sentenceAsked is the id in a pipe that is t with an id and nothing else.
func sentenceAsked(pipe *parse.PipeNode) (id string, ok bool) {
	if len(pipe.Decl) != 0 || len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 2 {
		return "", false
	}
	name, ok := pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	if !ok || name.Ident != "t" {
		return "", false
	}
	text, ok := pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !ok {
		return "", false
	}
	return text.Text, true
}
