// Package packs draws charging sessions of e-bike batteries as the meter of a
// socket sees them, each with the truth about it: which kind it is, whether it
// ends in a thermal runaway, and when the flame comes. It knows nothing of who
// judges the curves.
//
// What is drawn, and from where the ranges are:
//
//   - Batteries of 300 to 1,500 Wh (48 V 6 Ah to 72 V 20 Ah), in one of fifty
//     2,500 Wh (a cargo tricycle); chargers of 0.12 to 0.35 C with 82 to 92 %
//     efficiency, 60 to 900 W. Voltage grows by 12 to 20 % over the
//     constant-current phase, and the power with it.
//   - Lithium: the current falls from 85 to 95 % state of charge on, the charger
//     ends at 3 to 8 % of its peak and floats with 1 to 6 W. Lead: from 75 to
//     85 % on, then 3 to 10 % of the peak for hours; some pulse while they do.
//   - An aged battery has 60 to 85 % of its capacity left and declines earlier
//     and for longer. A cold one (-10 to 5 °C) is held back at first and warms
//     within the hour. An old charger with a transformer follows the mains, ±3
//     to 8 % in minutes.
//   - Overcharge: NMC and LFP cells run away at 130 to 190 % state of charge when
//     overcharged below 1 C; their voltage is by then 6 to 22 % above the full
//     one. One charger in seven limits its power, so that the meter sees none of
//     that.
//   - A soft short in the last 30 % of a charge or behind it grows within 8 to
//     60 min to 15 to 60 % of the peak. Where the charger still limits the
//     current the meter sees nothing of it.
//   - A battery whose protection trips and comes back swings by ±20 to 60 % at 1 to
//     10 s, for 3 to 30 min.
//   - A bad contact at the plug warms by 1 to 10 K/min until it burns at 160 to
//     200 °C.
//   - Cells vent 188 to 492 s ahead of the flame; a sensor under the roof has it 5
//     to 60 s later. A sudden one vents when its heat begins. Somebody sprays or
//     cleans near a shed once in twenty days: 0.5 to 20 ppm for 2 to 20 minutes.
//   - One in thirty-three gives no sign but heat at the socket 30 to 90 s ahead.
//
// The shares of the kinds are assumptions, not statistics: see Shares. Whoever
// knows better ones takes the figures per kind.
//
// A Session is a stream of samples and not safe for use by several goroutines.
package packs
