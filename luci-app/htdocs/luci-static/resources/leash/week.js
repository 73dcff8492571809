'use strict';
'require baseclass';
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

/* Returns new destinations by device: [{ device, name, destinations }]. */
function byDevice(destinations) {
	const devices = new Map();
	for (const { device, name, destination } of destinations || []) {
		const one = devices.get(device) || { device, name, destinations: [] };
		one.destinations.push(words.clean(destination, 60));
		devices.set(device, one);
	}
	return [ ...devices.values() ];
}

return baseclass.extend({
	/* Returns the cards of a report, the worst first. */
	cards(report) {
		const stopped = block => block.stopped_packets ? _('%d packets stopped').format(block.stopped_packets) : '';
		const blocked = (report.blocked || []).slice().sort((a, b) => (b.active || 0) - (a.active || 0));
		const cards = [
			card(_('Found'), report.findings, finding => [
				widgets.badge(finding.strength), ' ', link(finding), ' ' + words.headline(finding, 120)
			]),
			card(_('Blocked'), blocked, block => [
				block.active ? widgets.badge('block') : '', ' ', link(block), ' → ',
				words.clean(block.destination || block.address, 60), faint(stopped(block))
			]),
			card(_('New devices'), report.new_devices, device => [
				link(device), faint(words.clean(device.vendor || '', 40)), faint(words.ago(device.time))
			]),
			card(_('New destinations'), byDevice(report.new_destinations), one => [
				link(one), ': ' + words.list(one.destinations, 3)
			]),
			card(_('Most talkative'), report.talkative, one => [ link(one), faint(traffic(one)) ])
		].filter(card => card);
		return cards.length ? cards : [ E('p', {}, [ _('Nothing was found or blocked, and nothing is new.') ]) ];
	},

	/* Returns what a report says in a line. */
	line(report) {
		const count = name => (report[name] || []).length;
		return [
			_('found: %d').format(count('findings')),
			_('blocked: %d').format(count('blocked')),
			_('new devices: %d').format(count('new_devices')),
			_('new destinations: %d').format(count('new_destinations'))
		].join(' · ');
	}
});
