package widget

import "github.com/heliosctl/heliosctl/tui/theme"

// Panel is a frame with a title at its left and a note at its right.
type Panel struct {
	Title  string
	Note   string
	Border theme.Color // theme.Border unless set
	Color  theme.Color // of the title and the note; the border's unless that is plain
	BG     theme.Color // theme.Base unless set
}

// Draw draws the frame and returns the area in it.
func (p Panel) Draw(a Area) Area {
	if a.W < 2 || a.H < 2 {
		return a.Sub(0, 0, 0, 0)
	}
	border, bg, color := p.Border, p.BG, p.Color
	if border == theme.Text {
		border = theme.Border
	}
	if bg == theme.Text {
		bg = theme.Base
	} else {
		a.Fill(bg)
	}
	if color == theme.Text && border != theme.Border {
		color = border
	}
	line := theme.Style{FG: border, BG: bg}
	p.edges(a, line)
	head := theme.Style{FG: color, BG: bg, Attr: theme.Bold}
	end := a.W - 3
	if p.Note != "" && a.W > 12 {
		note := Cut(p.Note, max(0, a.W-8-min(Width(p.Title), a.W/2)))
		if note != "" {
			end = a.Right(a.W-3, 0, head, note)
			a.Text(a.W-3, 0, line, " ")
			end = a.Right(end, 0, line, " ") - 1
		}
	}
	if p.Title != "" && end > 5 {
		x := a.Text(2, 0, line, " ")
		title := Cut(p.Title, end-x-1)
		a.Text(a.Text(x, 0, head, title), 0, line, " ")
	}
	return a.Inset(2, 1)
}

func (p Panel) edges(a Area, style theme.Style) {
	a.Repeat(1, 0, a.W-2, style, '─')
	a.Repeat(1, a.H-1, a.W-2, style, '─')
	for y := 1; y < a.H-1; y++ {
		a.Text(0, y, style, "│")
		a.Text(a.W-1, y, style, "│")
	}
	a.Text(0, 0, style, "╭")
	a.Text(a.W-1, 0, style, "╮")
	a.Text(0, a.H-1, style, "╰")
	a.Text(a.W-1, a.H-1, style, "╯")
}

// Scrollbar draws in the area's last column which part of total rows is seen when the first one that is seen is at offset.
func Scrollbar(a Area, offset, seen, total int) {
	if total <= seen || a.H < 1 || a.W < 1 {
		return
	}
	size := max(1, a.H*seen/total)
	start := (a.H - size) * offset / max(1, total-seen)
	for y := range a.H {
		if y >= start && y < start+size {
			a.Text(a.W-1, y, theme.Fg(theme.Focus), "┃")
		} else {
			a.Text(a.W-1, y, theme.Fg(theme.Border), "│")
		}
	}
}

// SelectRow marks a row as the selected one, not by colour alone.
func SelectRow(row Area) {
	row.Tint(theme.Select)
	row.Text(0, 0, theme.Style{FG: theme.Focus, BG: theme.Select, Attr: theme.Bold}, "▌")
}
