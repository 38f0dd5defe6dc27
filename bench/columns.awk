# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# perftest's columns of what perftest's programs and rwperf's print: a Markdown
# table of all rows and, below, the medians of each program and size.
#
#   awk -f columns.awk FILE...
#
# A line "$ PROGRAM ..." tells whose output follows. Columns are known by their
# place: rwperf has perftest's at the left. Exit status 1 if there is no row, or
# one without its figures (perftest prints 0 or inf if its clock was disturbed).

function heads(line) {
	if (line ~ /BW average/)
		return "#bytes,#iterations,BW peak,BW average,MsgRate[Mpps]"
	return "#bytes,#iterations,t_min,t_max,t_typical,t_avg,t_stdev,99 %,99.9 %"
}

function row(name, cells, n,    i, text) {
	text = "| " name " |"
	for (i = 1; i <= n; i++)
		text = text " " cells[i] " |"
	print text
}

function is_number(text) {
	return text ~ /^[0-9.]+$/
}

# Of all runs of @key; "-" if one has no figure.
function median(key, column,    n, i, j, value, sorted) {
	n = runs[key]
	for (i = 1; i <= n; i++) {
		value = figure[key, i, column]
		if (!is_number(value))
			return "-"
		for (j = i - 1; j && sorted[j] + 0 > value + 0; j--)
			sorted[j + 1] = sorted[j]
		sorted[j + 1] = value
	}
	if (n % 2)
		return sorted[(n + 1) / 2]
	return (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

$1 == "$" {
	name = $2
}

/^ *#bytes +#iterations/ {
	columns = split(heads($0), head, ",")
	inside = 1
	if (!told++) {
		row("program", head, columns)
		print "|---|" substr("---|---|---|---|---|---|---|---|---|", 1, 4 * columns)
	}
	next
}

inside && $1 ~ /^[0-9]+$/ && $2 ~ /^[0-9]+$/ {
	key = name SUBSEP $1
	if (!(key in runs))
		keys[++programs] = key
	run = ++runs[key]
	for (i = 1; i <= columns; i++) {
		cell[i] = figure[key, run, i] = $i
		# A peak may not be measured; ib_read_lat and ib_write_lat of 4.5 have stdevs of -nan.
		if (head[i] !~ /peak|stdev/ && (!is_number($i) || $i == 0))
			bad = 1
	}
	row(name, cell, columns)
	next
}

/^-+$/ {
	inside = 0
}

END {
	for (p = 1; p <= programs; p++) {
		for (i = 1; i <= columns; i++)
			cell[i] = median(keys[p], i)
		split(keys[p], part, SUBSEP)
		row("**" part[1] ", median**", cell, columns)
	}
	exit !programs || bad
}
