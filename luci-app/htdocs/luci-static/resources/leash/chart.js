'use strict';
'require baseclass';
'require leash.words as words';
'require leash.summary as summary';

/* Charts in SVG of what a device did in the last 24 hours. */

const HOUR = 3600, HOURS = 24;

/* Measures of the timeline in pixels: the names on the left, an hour, a line, and the part above the lines. */
const NAMES = 170, STEP = 30, LINE = 18, TOP = 62;
const WIDTH = HOURS * STEP;

const COLOURS = [ 'var(--leash-calm)', 'var(--leash-watch)', 'var(--leash-block)' ];

/* Returns an element of SVG. */
function svg(name, attributes, children) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	node.append(...children || []);
	return node;
}

/* Returns a shape that says `title` when it is pointed at. */
function titled(name, attributes, title) {
	return svg(name, attributes, [ svg('title', {}, [ title ]) ]);
}

function label(x, y, text, anchor) {
	return svg('text', { 'x': x, 'y': y, 'text-anchor': anchor || 'start' }, [ text ]);
}

/* Returns a line for each name that was called since the hour `oldest`, the worst first, `most` at most. */
function linesOf(device, strong, oldest, most) {
	const lines = new Map();
	for (const contact of device.contacts || []) {
		const hours = summary.activeHours(contact).filter(hour => hour >= oldest);
		if (contact.local || Math.floor(contact.last / HOUR) < oldest) continue;
		const name = words.contactName(contact);
		const line = lines.get(name) || { name, hours: new Set(), bytes: 0, odd: 0, addresses: new Set() };
		const odd = strong.has(contact.address) ? 2 : contact.explained == 'lookup' && !contact.findings ? 0 : 1;
		hours.forEach(hour => line.hours.add(hour));
		line.bytes += contact.sent_bytes + contact.received_bytes;
		line.odd = Math.max(line.odd, odd);
		line.addresses.add(contact.address);
		lines.set(name, line);
	}
	return [ ...lines.values() ].sort((a, b) => b.odd - a.odd || b.bytes - a.bytes).slice(0, most);
}

return baseclass.extend({
	svg,

	/* Returns a small chart of the bytes of each hour: sent above the line, received below it. */
	sparkline(day, width, height) {
		if (!day) return E('span', { 'class': 'leash-faint' }, [ _('no traffic') ]);
		const most = Math.max(1, ...day.sent, ...day.received);
		const half = height / 2, step = width / day.sent.length;
		/* By the logarithm: a heartbeat of 100 bytes is seen beside a film. */
		const size = bytes => bytes ? Math.max(1, half * Math.log2(1 + bytes) / Math.log2(1 + most)) : 0;
		const bar = (bytes, hour, up) => svg('rect', {
			'x': (hour * step).toFixed(1),
			'y': (up ? half - size(bytes) : half).toFixed(1),
			'width': Math.max(1, step - 1).toFixed(1),
			'height': size(bytes).toFixed(1),
			'fill': up ? 'var(--leash-up)' : 'var(--leash-down)'
		});
		const sum = list => words.bytes(list.reduce((a, b) => a + b, 0));
		const title = _('In 24 hours: %s sent, %s received').format(sum(day.sent), sum(day.received));
		const shape = { 'class': 'leash-spark', 'width': width, 'height': height, 'role': 'img', 'aria-label': title };
		return svg('svg', shape, [
			svg('title', {}, [ title ]),
			svg('line', { 'x1': 0, 'x2': width, 'y1': half, 'y2': half, 'stroke': 'var(--leash-line)' }),
			...day.sent.map((bytes, hour) => bar(bytes, hour, true)),
			...day.received.map((bytes, hour) => bar(bytes, hour, false))
		]);
	},

	/* Returns the contacts of a device as lines over the day, what it sent as bars above them, and blocks as dashes.
	 * `strong` are the addresses of strong findings; `now` is in seconds since 1970; there are `most` lines at most. */
	timeline(device, strong, blocks, now, most) {
		const oldest = Math.floor(now / HOUR) - HOURS + 1;
		const lines = linesOf(device, strong, oldest, most);
		const height = TOP + lines.length * LINE;
		const chart = [], names = [];

		for (let hour = 0; hour <= HOURS; hour += 6) {
			const x = hour * STEP, time = new Date((oldest + hour) * HOUR * 1000);
			const clock = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
			chart.push(svg('line', { 'x1': x, 'x2': x, 'y1': 12, 'y2': height, 'stroke': 'var(--leash-line)' }));
			chart.push(label(x, 10, clock, hour == HOURS ? 'end' : hour ? 'middle' : 'start'));
		}
		if (device.day) {
			const top = Math.max(...device.day.sent);
			names.push(label(0, 34, _('sent, at most')));
			names.push(label(0, 48, _('%s in an hour').format(words.bytes(top))));
			device.day.sent.forEach((bytes, hour) => {
				const size = bytes ? Math.max(1, 34 * bytes / Math.max(1, top)) : 0;
				const bar = { 'x': hour * STEP + 2, 'y': 52 - size, 'width': STEP - 4, 'height': size };
				const title = _('%s sent').format(words.bytes(bytes));
				chart.push(titled('rect', Object.assign(bar, { 'fill': 'var(--leash-up)' }), title));
			});
		}
		lines.forEach((line, i) => {
			const y = TOP + i * LINE;
			names.push(label(0, y + 13, words.clean(line.name, 26)));
			for (const hour of line.hours)
				chart.push(svg('rect', {
					'x': (hour - oldest) * STEP + 1, 'y': y + 3, 'width': STEP - 2, 'height': LINE - 6,
					'rx': 2, 'fill': COLOURS[line.odd]
				}));
			for (const block of blocks.filter(block => line.addresses.has(block.address)))
				chart.push(titled('line', {
					'x1': Math.min(HOURS, Math.max(0, block.since / HOUR - oldest)) * STEP, 'x2': WIDTH,
					'y1': y + LINE / 2, 'y2': y + LINE / 2,
					'stroke': 'currentColor', 'stroke-width': 2, 'stroke-dasharray': '4 3'
				}, _('blocked since %s').format(words.date(block.since))));
		});

		const shape = { 'width': WIDTH, 'height': height + 6, 'role': 'img' };
		const area = E('div', {
			'class': 'leash-scroll',
			'tabindex': '0',
			'role': 'group',
			'aria-label': _('The last 24 hours')
		}, [
			svg('svg', Object.assign(shape, { 'aria-label': _('Contacts of the last 24 hours') }), chart)
		]);
		/* On a telephone the latest hours are in sight, and the names stay beside them. */
		window.requestAnimationFrame(() => area.scrollLeft = area.scrollWidth);
		return E('div', { 'class': 'leash-day' }, [
			svg('svg', { 'width': NAMES, 'height': height + 6 }, names), area
		]);
	}
});
