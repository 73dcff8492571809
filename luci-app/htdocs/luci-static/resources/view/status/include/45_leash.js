'use strict';
'require baseclass';
'require leash.api as api';
'require leash.summary as summary';
'require leash.widgets as widgets';
'require leash.words as words';

const MOST_DEVICES = 4;

function line(title, children) {
	return E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td left', 'width': '33%' }, [ title ]),
		E('td', { 'class': 'td left' }, [ ...children ])
	]);
}

return baseclass.extend({
	title: _('Leash'),

	load() {
		/* In this order: status then has the verdicts that were counted for the devices. */
		return Promise.all([ api.devices(), api.status() ]).catch(() => null);
	},

	render(answers) {
		if (!answers) return null;
		const [ { devices }, status ] = answers;
		const odd = devices.filter(device => device.verdict != 'allow');
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []),
			E('table', { 'class': 'table' }, [
				line(_('Devices'), [ _('%d, %d of them calm').format(devices.length, devices.length - odd.length) ]),
				line(_('Blocking'), [
					status.blocking ? _('on, %d destinations blocked').format(status.blocks) : _('off')
				]),
				...odd.slice(0, MOST_DEVICES).map(device => line(words.deviceName(device), [
					widgets.badge(device.verdict), ' ' + summary.activity(device)[0] + ' ',
					widgets.deviceLink(device.mac, _('details'))
				]))
			])
		]);
	}
});
