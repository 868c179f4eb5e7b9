// Package series keeps telemetry over time: every point for days, lowest,
// highest and mean of each minute for months and of each hour for a year, and a
// copy in InfluxDB where one is configured. It judges nothing and knows no device
// beyond its id.
//
// A point is known by device, part, metric and its time to the millisecond; the
// same point twice is one point, so a replay of the journal changes nothing.
//
// Storage is made for a small box. A commit appends one row with all its points
// (arrivals) and keeps them in memory; each quarter of an hour they become one
// compressed block per series. Rewriting one page of a B-tree for each point
// would cost 4096 bytes for 16, or half a terabyte a day at the design load.
//
// Concurrency: Write never blocks and may be called from anywhere; when its
// queue is full it drops and counts. Append blocks until its points are on disk.
// One goroutine of Run writes; queries read beside it. Nothing is written before
// Run is called; Close after Run has returned.
package series
