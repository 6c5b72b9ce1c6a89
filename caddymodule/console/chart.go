package console

import (
	"strconv"
)

// chart is a bar chart as chart.html draws it, in units of its own view box. What
// it shows stands in the table below it as well; the picture is for the eye.
type chart struct {
	ID, Title     string
	Width, Height int
	Bars          []bar
	Lines         []int // how high they stand; the distance of two is Step
	Step          int64
	First, Last   string // names of the first and the last place; empty for none
	Series        []series
}

// bar is one box; its class says which series it belongs to.
type bar struct {
	X, Y, W, H int
	Class      string
}

// series is a row of the legend.
type series struct{ Class, Text string }

// The measures of a chart.
const (
	chartWidth  = 720
	chartHeight = 200
	chartLeft   = 4
	chartTop    = 8
	chartFoot   = 4
	chartRight  = 4
)

// place is what stands on one place of the axis: a number for each series, piled
// up.
type place struct {
	label  string
	counts []int64
}

// draw makes a chart of columns. Every name in names has a class s0, s1 and so on.
func draw(id, title string, names []string, columns []place) chart {
	c := chart{ID: id, Title: title, Width: chartWidth, Height: chartHeight}
	for i, name := range names {
		c.Series = append(c.Series, series{"s" + strconv.Itoa(i), name})
	}
	top := int64(0)
	for _, col := range columns {
		sum := int64(0)
		for _, n := range col.counts {
			sum += n
		}
		top = max(top, sum)
	}
	step := tick(top)
	ceiling := max((top+step-1)/step*step, step)
	c.Step = step
	floor, room := chartHeight-chartFoot, chartHeight-chartFoot-chartTop
	y := func(n int64) int { return floor - int(n*int64(room)/ceiling) }
	for n := int64(0); n <= ceiling; n += step {
		c.Lines = append(c.Lines, y(n))
	}
	if len(columns) == 0 {
		return c
	}
	slot := float64(chartWidth-chartLeft-chartRight) / float64(len(columns))
	c.First, c.Last = columns[0].label, columns[len(columns)-1].label
	for i, col := range columns {
		x, w := chartLeft+int(float64(i)*slot), min(max(2, int(slot*0.8)), 64)
		base := int64(0)
		for s, n := range col.counts {
			if n > 0 {
				c.Bars = append(c.Bars, bar{x, y(base + n), w, max(1, y(base)-y(base+n)), "s" + strconv.Itoa(s)})
			}
			base += n
		}
	}
	return c
}

// tick is a round distance of lines, so that there are at most five.
func tick(top int64) int64 {
	for unit := int64(1); ; unit *= 10 {
		for _, n := range []int64{1, 2, 5} {
			if n*unit*5 >= top {
				return n * unit
			}
		}
	}
}

// only gives all bars one colour, where there is one series and no legend.
func (c *chart) only() {
	for i := range c.Bars {
		c.Bars[i].Class = "only"
	}
}
