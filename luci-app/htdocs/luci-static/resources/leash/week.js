'use strict';
'require baseclass';
'require leash.summary as summary';
'require leash.widgets as widgets';
'require leash.words as words';

/* What happened in the house in the last days, from leash's report. */

const MOST_LINES = 5;

/* Returns a card with the first of `items` as lines; nothing where there are none. */
function card(title, items, line) {
	if (!items || !items.length) return '';
	const more = items.length - MOST_LINES;
	return E('div', { 'class': 'leash-card' }, [
		E('h4', {}, [ title ]),
		E('ul', {}, [
			...items.slice(0, MOST_LINES).map(item => E('li', {}, [ ...line(item) ])),
			more > 0 ? E('li', { 'class': 'leash-faint' }, [ _('and %d more').format(more) ]) : ''
		])
	]);
}

function faint(text) {
	return text ? widgets.span(' · ' + text, { 'class': 'leash-faint leash-small' }) : '';
}

function link({ device, name }) {
	return widgets.deviceLink(device, name);
}

function traffic({ sent_bytes, received_bytes }) {
	return sent_bytes == null ? '' : '↑ ' + words.bytes(sent_bytes) + '  ↓ ' + words.bytes(received_bytes);
}

/* Returns what is said of devices by device, in the order of the first of each: [{ device, name, all }]. */
function byDevice(list) {
	const devices = new Map();
	for (const item of list || []) {
		const { device, name } = item;
		devices.set(device, devices.get(device) || { device, name, all: [] });
		devices.get(device).all.push(item);
	}
	return [ ...devices.values() ];
}

/* Returns the findings as the pages tell them: those of a device and a detector are one. */
function found(report) {
	const groups = byDevice(report.findings).flatMap(({ device, name, all }) =>
		summary.byDetector(all).map(group => ({ device, name, summary: group.summary, finding: group.findings[0] })));
	return groups.sort((a, b) => report.findings.indexOf(a.finding) - report.findings.indexOf(b.finding));
}

return baseclass.extend({
	/* Returns the cards of a report, the worst first. */
	cards(report) {
		const stopped = block => block.stopped_packets ? _('%d packets stopped').format(block.stopped_packets) : '';
		const blocked = (report.blocked || []).slice().sort((a, b) => (b.active || 0) - (a.active || 0));
		const cards = [
			card(_('Found'), found(report), one => [
				widgets.badge(one.finding.strength), ' ', link(one), ' ' + one.summary
			]),
			card(_('Blocked'), blocked, block => [
				block.active ? widgets.badge('block') : '', ' ', link(block), ' → ',
				words.clean(block.destination || block.address, 60), faint(stopped(block))
			]),
			card(_('New devices'), report.new_devices, device => [
				link(device), faint(words.clean(device.vendor || '', 40)), faint(words.ago(device.time))
			]),
			card(_('New destinations'), byDevice(report.new_destinations), one => [
				link(one), ': ' + words.list(one.all.map(({ destination }) => words.clean(destination, 60)), 3)
			]),
			card(_('Most talkative'), report.talkative, one => [ link(one), faint(traffic(one)) ])
		].filter(card => card);
		return cards.length ? cards : [ E('p', {}, [ _('Nothing was found or blocked, and nothing is new.') ]) ];
	},

	/* Returns what a report says in a line. */
	line(report) {
		const count = name => (report[name] || []).length;
		return [
			_('found: %d').format(found(report).length),
			_('blocked: %d').format(count('blocked')),
			_('new devices: %d').format(count('new_devices')),
			_('new destinations: %d').format(count('new_destinations'))
		].join(' · ');
	}
});
